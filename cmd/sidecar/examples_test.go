package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// asked is how often the sidecar has been asked for its readiness.
func asked(s *sidecar) (sum int) {
	s.t.Helper()
	_, _, metrics := s.get("/metrics")
	for _, found := range regexp.MustCompile(`(?m)^pooler_http_requests_total\{.*path="/readyz"\} (\d+)$`).FindAllSubmatch(metrics, -1) {
		var n int
		fmt.Sscan(string(found[1]), &n)
		sum += n
	}
	return sum
}

// pythonPath is where the examples find each other, and tests find them.
var pythonPath = []string{"PYTHONPATH=../../examples", "PYTHONDONTWRITEBYTECODE=1"}

// app is an app with the FastAPI dependency of examples; each line is a request,
// or something that happens to it.
type app struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Scanner
}

func startApp(t *testing.T, address []string, database *poolersim.Server) *app {
	t.Helper()
	return startDriver(t, append(address, pythonPath...), realpeer.Tool(t, "python3", "python3"), "testdata/examples/pool.py", fmt.Sprint(database.Port()))
}

// startDriver starts a program that answers each line with one.
func startDriver(t *testing.T, env []string, name string, args ...string) *app {
	t.Helper()
	command := exec.Command(name, args...)
	command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); command.Wait() })
	return &app{t, in, bufio.NewScanner(out)}
}

// say gives the app a line and compares its answer.
func (a *app) say(line, want string) {
	a.t.Helper()
	if got := a.ask(line); got != want {
		a.t.Errorf("%s: %q, want %q", line, got, want)
	}
}

// ask gives the app a line and returns its answer.
func (a *app) ask(line string) string {
	io.WriteString(a.in, line+"\n")
	a.out.Scan()
	return a.out.Text()
}

// TestExamplePool: the dependency asks nothing while its pool works, keeps it
// whatever the sidecar says, and opens no other in a window.
func TestExamplePool(t *testing.T) {
	t.Parallel()
	s, pooler, address := readySidecar(t, "SIDECAR_PROBE_INTERVAL=50ms")
	database := listen(t, poolersim.Script{})
	a := startApp(t, address, database)
	a.say("get", "pool 1")
	questions := asked(s)
	for range 20 {
		a.say("get", "pool 1")
	}
	if n := asked(s) - questions; n != 0 {
		t.Errorf("%d questions for the requests of an app whose pool works", n)
	}
	pooler.Set(poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	s.await(machine.Lockout, 10*time.Second)
	a.say("later 100", "done")
	a.say("get", "pool 1")
	a.say("lost", "done")
	questions = asked(s)
	began := time.Now()
	for range 5 {
		a.say("get", "NotReady")
	}
	if n, took := asked(s)-questions, time.Since(began); n != 1 || took > 2*time.Second {
		t.Errorf("%d questions in %s: a 503 is an answer, and its Retry-After is not slept", n, took)
	}
	if n := database.Counts().Sockets; n != 1 {
		t.Errorf("%d sockets, want the one before the window", n)
	}
}

// TestExamplePoolAway: without a sidecar the last answer holds for 60 s; then no
// pool is opened, and one that is there stays. A failed try rests.
func TestExamplePoolAway(t *testing.T) {
	t.Parallel()
	s, _, address := readySidecar(t)
	database := listen(t, poolersim.Script{})
	a := startApp(t, address, database)
	a.say(fmt.Sprintf("port %d", realpeer.FreePort(t)), "done")
	a.say("get", "ConnectionRefusedError")
	a.say(fmt.Sprintf("port %d", database.Port()), "done")
	a.say("get", "NotReady") // at most one try in 20 s
	a.say("later 21", "done")
	a.say("get", "pool 2")
	s.command.Process.Kill()
	<-s.end
	a.say("later 50", "done")
	a.say("lost", "done")
	a.say("get", "pool 3") // said ready 50 s ago
	a.say("later 24", "done")
	a.say("get", "pool 3")
	a.say("lost", "done")
	a.say("get", "NotReady")
	if n := database.Counts().Sockets; n != 2 {
		t.Errorf("%d sockets", n)
	}
}

// TestExampleWorker: the Python worker under run. It connects again after a
// failure, exits 78 at a lockout, is held, and comes back.
func TestExampleWorker(t *testing.T) {
	t.Parallel()
	_, _, address := readySidecar(t)
	database := listen(t, poolersim.Script{OnAccept: poolersim.Slow{By: 100 * time.Millisecond, Then: poolersim.Drop}})
	locked := filepath.Join(t.TempDir(), "locked")
	r := begin(t, append(pythonPath, address...), "run --jitter 0 --hold 2s --", realpeer.Tool(t, "python3", "python3"), "testdata/examples/work.py", fmt.Sprint(database.Port()), locked)
	r.awaitWords(&r.out, "works\nworks\n", 15*time.Second)
	if err := os.WriteFile(locked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.awaitWords(&r.says, "holding after a lockout: ", 10*time.Second)
	held := database.Counts().Sockets
	if err := os.Remove(locked); err != nil {
		t.Fatal(err)
	}
	realpeer.Until(t, 15*time.Second, "another start", func() error {
		if n := database.Counts().Sockets; n == held {
			return fmt.Errorf("%d sockets", n)
		}
		return nil
	})
	r.signal(syscall.SIGTERM)
	if code, _ := r.code(10 * time.Second); code != 143 || strings.Count(r.says.String(), "worker: Lost\n") < 2 {
		t.Errorf("code %d", code)
	}
}

// TestExampleShell: the shell's worker starts its program only when the sidecar
// allows it, again after a failure, and leaves 78 to whoever started it.
func TestExampleShell(t *testing.T) {
	t.Parallel()
	s, pooler, address := readySidecar(t, "SIDECAR_PROBE_INTERVAL=50ms")
	realpeer.Tool(t, "curl", "curl")
	work := func(script string) *launched {
		return begin(t, append(address, "HOLDS=6", "REST=0"), "run --jitter 0 --on-lockout exit --", "sh", "../../examples/worker.sh", "sh", "-c", `date +%s%N >>"$DIR/starts"; `+script)
	}
	r := work(`[ $(wc -l <"$DIR/starts") -lt 3 ] || exit 78`)
	if code, _ := r.code(10 * time.Second); code != exit.OK || len(r.starts()) != 1 {
		t.Errorf("code %d, %d starts", code, len(r.starts()))
	}
	r = work(`[ $(wc -l <"$DIR/starts") -lt 3 ] && exit 1; exit 78`)
	if code, _ := r.code(10 * time.Second); code != exit.Lockout || len(r.starts()) != 3 {
		t.Errorf("code %d, %d starts", code, len(r.starts()))
	}
	again := `while [ -e "$DIR/works" ]; do sleep 0.02; done; touch "$DIR/works"; exit 1`
	free := func(r *launched) { os.Remove(filepath.Join(r.dir, "works")) }

	// In a window the program is not started again.
	r = work(again)
	r.awaitStarts(2, 10*time.Second)
	pooler.Set(poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	s.await(machine.Lockout, 10*time.Second)
	free(r)
	<-time.After(3 * time.Second) // more than one question's time
	if n := len(r.starts()); n != 2 {
		t.Errorf("%d starts in a window", n-2)
	}

	// Without a sidecar the last answer holds, here for 6 s.
	s, _, address = readySidecar(t)
	r = work(again)
	r.awaitStarts(2, 10*time.Second)
	s.command.Process.Kill()
	<-s.end
	free(r)
	r.awaitStarts(3, 5*time.Second)
	<-time.After(7 * time.Second)
	free(r)
	<-time.After(3 * time.Second)
	if n := len(r.starts()); n != 3 {
		t.Errorf("%d starts though the last answer is too old", n-3)
	}
}
