package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// soak is how long a test runs under make soak, and how long in make test.
func soak(short, long time.Duration) time.Duration {
	if os.Getenv("SOAK") != "" {
		return long
	}
	return short
}

// shared is a text that a process writes while the test reads it.
type shared struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// launched is a "sidecar run" or "sidecar wait" and what it has said.
type launched struct {
	t       *testing.T
	command *exec.Cmd
	out     shared // CMD's own
	says    shared // stderr
	dir     string // $DIR of CMD
	begun   time.Time
	over    chan struct{}
}

// begin starts a command line of the sidecar. Words after the flags are one each,
// so that a script for sh -c may be given.
func begin(t *testing.T, env []string, flags string, words ...string) *launched {
	t.Helper()
	r := &launched{t: t, dir: t.TempDir(), over: make(chan struct{})}
	r.command = exec.Command(os.Args[0], append(strings.Fields(flags), words...)...)
	r.command.Env = append([]string{beSidecar + "=1", "PATH=" + os.Getenv("PATH"), "DIR=" + r.dir, "TMPDIR=" + r.dir, "SIDECAR=" + os.Args[0]}, env...)
	r.command.Stdout, r.command.Stderr = &r.out, &r.says
	r.start()
	return r
}

func (r *launched) start() {
	r.t.Helper()
	r.begun = time.Now()
	r.command.WaitDelay = time.Second // somebody whom CMD left may hold the pipes
	if err := r.command.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() { r.command.Wait(); close(r.over) }()
	r.t.Cleanup(func() {
		r.command.Process.Signal(syscall.SIGTERM) // a kill would leave CMD behind
		select {
		case <-r.over:
		case <-time.After(10 * time.Second):
			r.command.Process.Kill()
		}
		if r.t.Failed() {
			r.t.Logf("stdout:\n%s\nstderr:\n%s", r.out.String(), r.says.String())
		}
	})
}

// shell is "sidecar run" with a script as CMD; each start of it is noted.
func shell(t *testing.T, env []string, flags, script string) *launched {
	t.Helper()
	return begin(t, env, "run "+flags+" --", "sh", "-c", `date +%s%N >>"$DIR/starts"; `+script)
}

// lingers is a script that goes on for half a minute, and meets its traps at once.
const lingers = `i=0; while [ $((i += 1)) -lt 1000 ]; do sleep 0.02; done`

// starts are the times at which the script began.
func (r *launched) starts() (all []time.Time) {
	r.t.Helper()
	text, _ := os.ReadFile(filepath.Join(r.dir, "starts")) // not there before the first
	for line := range strings.Lines(string(text)) {
		ns, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
		if err != nil {
			break // half written
		}
		all = append(all, time.Unix(0, ns))
	}
	return all
}

// awaitStarts waits until the script has begun so often.
func (r *launched) awaitStarts(n int, within time.Duration) {
	r.t.Helper()
	realpeer.Until(r.t, within, fmt.Sprintf("start %d", n), func() error {
		if got := len(r.starts()); got < n {
			return fmt.Errorf("%d starts; it says:\n%s", got, r.says.String())
		}
		return nil
	})
}

// awaitWords waits until a text says something.
func (r *launched) awaitWords(text fmt.Stringer, words string, within time.Duration) {
	r.t.Helper()
	realpeer.Until(r.t, within, words, func() error {
		if !strings.Contains(text.String(), words) {
			return fmt.Errorf("says %q", text)
		}
		return nil
	})
}

// signal sends one to the sidecar's process alone.
func (r *launched) signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.command.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// code waits for the end and returns the exit code and how long it all took.
func (r *launched) code(within time.Duration) (int, time.Duration) {
	r.t.Helper()
	select {
	case <-r.over:
	case <-time.After(within):
		r.t.Fatalf("still runs after %s; it says:\n%s", within, r.says.String())
	}
	return r.command.ProcessState.ExitCode(), time.Since(r.begun)
}

// readySidecar is a sidecar that is ready, and its address as run and wait want it.
func readySidecar(t *testing.T, env ...string) (s *sidecar, pooler *poolersim.Server, address []string) {
	t.Helper()
	pooler = listen(t, poolersim.Script{})
	s = startSidecar(t, append(env, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"))...)
	s.await(machine.Ready, 10*time.Second)
	return s, pooler, []string{"SIDECAR_URL=" + s.url}
}
