package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestStatusJSON: the answer of /status, byte for byte but for the passing time.
func TestStatusJSON(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_TOKEN=open-sesame", "SIDECAR_LOCKOUT_MIN=1h", "SIDECAR_LOCKOUT_MAX=1h")
	var got health.Status
	realpeer.Until(t, 10*time.Second, "a window", func() error {
		if code := runJSON(t, &got, "status --json", "SIDECAR_URL="+s.url, "SIDECAR_TOKEN=open-sesame"); code != exit.OK || got.State != string(machine.Lockout) {
			return fmt.Errorf("exit code %d, state %s", code, got.State)
		}
		return nil
	})
	if got.RetryAt == nil || got.RetryInSeconds < 3500 || got.Trigger != "circuit_breaker" || len(got.History) != 1 {
		t.Errorf("%+v", got)
	}
	if n := pooler.Counts().Sockets; n != 1 {
		t.Errorf("%d sockets", n)
	}
}

// running is a command that goes on until it is told to end.
type running struct {
	command *exec.Cmd
	input   io.WriteCloser

	mu     sync.Mutex
	output bytes.Buffer // stdout and stderr
}

func (r *running) Write(text []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.output.Write(text)
}

func (r *running) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.output.String()
}

// start runs a program that finds the sidecar's binary in $SIDECAR.
func start(t *testing.T, env []string, program string, args ...string) *running {
	t.Helper()
	r := &running{command: exec.Command(program, args...)}
	r.command.Env = append([]string{beSidecar + "=1", "SIDECAR=" + os.Args[0]}, env...)
	r.command.Stdout, r.command.Stderr = r, r
	input, err := r.command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if r.input = input; r.command.Start() != nil {
		t.Fatalf("%s does not start", program)
	}
	t.Cleanup(func() {
		r.command.Process.Kill()
		r.command.Wait()
	})
	return r
}

// until waits for words in the output.
func (r *running) until(t *testing.T, words string) {
	t.Helper()
	realpeer.Until(t, 15*time.Second, words, func() error {
		if said := r.said(); !strings.Contains(said, words) {
			return fmt.Errorf("said so far: %s", said)
		}
		return nil
	})
}

// ended waits for the end and returns the exit code.
func (r *running) ended() int {
	r.command.Wait()
	return r.command.ProcessState.ExitCode()
}

// TestStatusWatch: away from a terminal each change is a line, once; a sidecar
// that goes away is a warning; Ctrl-C is a good end.
func TestStatusWatch(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{})
	s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_PROBE_INTERVAL=100ms")
	s.await(machine.Ready, 10*time.Second)
	watch := start(t, []string{"SIDECAR_URL=" + s.url}, os.Args[0], "status", "--watch")
	watch.until(t, " State: ready since ")
	pooler.Set(poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	watch.until(t, " Trigger: circuit_breaker\n")
	s.command.Process.Kill()
	watch.until(t, "sidecar: warning: ")
	watch.command.Process.Signal(syscall.SIGINT)
	if code := watch.ended(); code != exit.OK {
		t.Errorf("exit code %d", code)
	}
	said := watch.said()
	for words, times := range map[string]int{
		" State: ": 2, " Advice: ": 2, " Until: ": 1, " Store: memory: a restart of the sidecar forgets a window\n": 1,
		"sidecar: warning: ": 1, "no sidecar answers at " + s.url + ": dial tcp": 1,
	} {
		if n := strings.Count(said, words); n != times {
			t.Errorf("%q comes %d times in\n%s", words, n, said)
		}
	}
}

// TestStatusWatchJSON: every answer is a line.
func TestStatusWatchJSON(t *testing.T) {
	t.Parallel()
	s := startSidecar(t)
	watch := start(t, []string{"SIDECAR_URL=" + s.url}, os.Args[0], "status", "--watch", "--json")
	realpeer.Until(t, 15*time.Second, "two answers", func() error {
		if n := strings.Count(watch.said(), "\n"); n < 2 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	watch.command.Process.Signal(syscall.SIGTERM)
	if code := watch.ended(); code != exit.OK {
		t.Errorf("exit code %d", code)
	}
	for line := range strings.Lines(watch.said()) {
		var status health.Status
		if err := json.Unmarshal([]byte(line), &status); err != nil || status.Reason != "no_config" {
			t.Errorf("%v: %s", err, line)
		}
	}
}

// TestStatusWatchTerminal: on a terminal the picture is drawn again in its place,
// also when the sidecar goes away, and Ctrl-C on the keyboard ends it.
func TestStatusWatchTerminal(t *testing.T) {
	t.Parallel()
	s := startSidecar(t)
	watch := onTerminal(t, `exec "$SIDECAR" status --watch`, "SIDECAR_URL="+s.url)
	const wipe = "\x1b[H\x1b[J"
	watch.until(t, wipe+"❌ MISCONFIGURED since ")
	s.stop()
	watch.until(t, wipe+"no sidecar answers at "+s.url)
	io.WriteString(watch.input, "\x03")
	if code := watch.ended(); code != exit.OK {
		t.Errorf("exit code %d", code)
	}
	if said := watch.said(); !strings.Contains(said, "asked every 2s. Ctrl-C ends this.") || strings.Contains(said, "State: ") {
		t.Errorf("%q", said)
	}
}
