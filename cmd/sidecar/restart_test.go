package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/report"
	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// kill ends a sidecar as a platform in a hurry does.
func (s *sidecar) kill() {
	s.t.Helper()
	s.command.Process.Kill()
	<-s.end
	s.command.Wait()
}

// recordIn reads the record of a state file.
func recordIn(t *testing.T, path string) machine.Record {
	t.Helper()
	r, _, err := store.NewFile(path).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRestartInWindow: kill -9 and another start leave the window as it was, also
// for a changed credential and for the commands; an operator may end it while the
// sidecar runs.
func TestRestartInWindow(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	state := "SIDECAR_STATE=file:" + filepath.Join(t.TempDir(), "state.json")
	dsn := "DATABASE_URL=" + pooler.DSN("app", "pw-of-app", "appdb")
	s := startSidecar(t, dsn, state)
	s.awaitLine("Lockout backoff: ") // it is stored before it is logged
	until := s.status().RetryAt
	s.kill()

	var got report.ProbeReport
	if code := runJSON(t, &got, "probe --json", dsn, state, "PORT=1"); code != exit.Lockout || got.Window.Source != "store" || !got.Window.RetryAt.Equal(*until) {
		t.Errorf("exit code %d, %+v", code, got.Window)
	}
	for _, dsn := range []string{dsn, "DATABASE_URL=" + pooler.DSN("app", "another", "appdb"), dsn} {
		s = startSidecar(t, dsn, state)
		status := s.await(machine.Lockout, 10*time.Second)
		if !status.RetryAt.Equal(*until) || status.Trigger != "circuit_breaker" || status.WindowsInRow != 1 || status.Store.Kind != "file" || !status.Store.Healthy {
			t.Errorf("until %s, want %s: %+v", status.RetryAt, until, status)
		}
		s.askAll(3)
		s.kill()
	}
	if n := pooler.Counts().Sockets; n != 1 {
		t.Errorf("%d sockets", n)
	}

	s = startSidecar(t, dsn, state)
	s.await(machine.Lockout, 10*time.Second)
	pooler.Set(poolersim.Script{})
	clearing := exec.Command(os.Args[0], "state", "clear", "--yes")
	clearing.Env = []string{beSidecar + "=1", state}
	if out, err := clearing.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.command.Process.Signal(syscall.SIGHUP)
	if status := s.await(machine.Ready, 10*time.Second); status.WindowsInRow != 0 {
		t.Errorf("%+v", status)
	}
}

// TestClearBefore: a window from before the time is dropped at the start, one
// from after it is not, and a log line says so.
func TestClearBefore(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	state := "SIDECAR_STATE=file:" + filepath.Join(t.TempDir(), "state.json")
	dsn := "DATABASE_URL=" + pooler.DSN("app", "pw-of-app", "appdb")
	before := time.Now().UTC()
	s := startSidecar(t, dsn, state)
	s.awaitLine("Lockout backoff: ")
	s.kill()
	pooler.Set(poolersim.Script{})
	s = startSidecar(t, dsn, state, "SIDECAR_CLEAR_BEFORE="+before.Truncate(time.Second).Format(time.RFC3339))
	s.await(machine.Lockout, 10*time.Second)
	s.kill()
	after := time.Now().UTC().Format(time.RFC3339Nano)
	s = startSidecar(t, dsn, state, "SIDECAR_CLEAR_BEFORE="+after)
	s.await(machine.Ready, 10*time.Second)
	if want := "SIDECAR_CLEAR_BEFORE: 1 windows and holds from before "; strings.Count(s.lines(), want) != 1 {
		t.Errorf("no line %q:\n%s", want, s.lines())
	}
}

// TestKilled kills the sidecar at random moments, again and again, while a pooler
// locks everybody out: nothing reaches the pooler inside a window that was stored.
func TestKilled(t *testing.T) {
	t.Parallel()
	const times = 100
	pooler := listen(t, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	path := filepath.Join(t.TempDir(), "state.json")
	type silence struct{ from, until time.Time }
	windows := make(map[time.Time]silence)
	for range times {
		begun := time.Now()
		s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_STATE=file:"+path,
			"SIDECAR_LOCKOUT_MIN=300ms", "SIDECAR_LOCKOUT_MAX=400ms", "SIDECAR_RETRY_MIN=50ms", "SIDECAR_RETRY_MAX=200ms")
		<-time.After(rand.N(150 * time.Millisecond))
		s.kill()
		for _, w := range recordIn(t, path).Windows {
			// A trial that was killed counts as one that met the next window: that
			// begins with the trial, and binds whoever comes after it.
			if _, known := windows[w.Until]; !known {
				windows[w.Until] = silence{latest(w.Opened, begun), w.Until}
			}
		}
	}
	sockets := 0
	for _, e := range pooler.Events() {
		if e.Kind != poolersim.Socket {
			continue
		}
		sockets++
		for _, w := range windows {
			if e.At.After(w.from) && e.At.Before(w.until) {
				t.Errorf("a socket at %s, inside the window from %s to %s", e.At, w.from, w.until)
			}
		}
	}
	t.Logf("killed %d times, %d sockets, %d windows seen in the file", times, sockets, len(windows))
	if len(windows) < 5 || sockets < 5 {
		t.Errorf("%d windows and %d sockets show little", len(windows), sockets)
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// TestKilledInAttempt: a process that is killed while it dials, at every start,
// keeps the spacing of the attempts.
func TestKilledInAttempt(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{OnStartup: poolersim.Hang})
	path := filepath.Join(t.TempDir(), "state.json")
	var begun time.Time
	for i := range 3 {
		s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_STATE=file:"+path, "SIDECAR_RETRY_MIN=400ms", "SIDECAR_PROBE_TIMEOUT=1h")
		realpeer.Until(t, 10*time.Second, "a login", func() error {
			if n := pooler.Counts().Startups; n <= i {
				return fmt.Errorf("%d logins", n)
			}
			return nil
		})
		s.kill()
		r := recordIn(t, path)
		if r.Attempt.InRow != i+1 {
			t.Errorf("attempt %d is stored as %+v", i+1, r.Attempt)
		}
		if least := 400 * time.Millisecond << max(0, i-1); i > 0 && r.Attempt.At.Sub(begun) < least {
			t.Errorf("attempt %d came %s after the one before, want %s at least", i+1, r.Attempt.At.Sub(begun), least)
		}
		begun = r.Attempt.At
	}
}

// TestSecondProcess: another sidecar with the same file says so and goes on from
// memory; when the first has ended it takes over, with the window it has left.
func TestSecondProcess(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{})
	env := []string{"DATABASE_URL=" + pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_STATE=file:" + filepath.Join(t.TempDir(), "state.json"), "SIDECAR_PROBE_INTERVAL=100ms"}
	first := startSidecar(t, env...)
	first.await(machine.Ready, 10*time.Second)
	second := startSidecar(t, env...)
	second.await(machine.Ready, 10*time.Second)
	if status := second.status(); status.Store.Healthy || !strings.Contains(second.lines(), "another process keeps its state there; give each sidecar a file of its own") {
		t.Errorf("%+v\n%s", status.Store, second.lines())
	}
	pooler.Set(poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	first.await(machine.Lockout, 10*time.Second)
	second.await(machine.Lockout, 10*time.Second)
	first.awaitLine("Lockout backoff: ")
	second.kill()
	first.kill()
	sockets := pooler.Counts().Sockets
	third := startSidecar(t, env...)
	if status := third.await(machine.Lockout, 10*time.Second); !status.Store.Healthy {
		t.Errorf("%+v", status.Store)
	}
	if n := pooler.Counts().Sockets; n != sockets {
		t.Errorf("%d more sockets", n-sockets)
	}
}

// TestStoreLost: a file that cannot be read is silence for the shortest window
// after it was written, through a restart, and then all is as ever.
func TestStoreLost(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{})
	path := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	written := time.Now()
	env := []string{"DATABASE_URL=" + pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_STATE=file:" + path, "SIDECAR_LOCKOUT_MIN=3s"}
	for range 2 {
		s := startSidecar(t, env...)
		s.awaitLine("[DB] READY=false reason=store_lost next_retry_in=")
		status := s.status()
		if status.State != "starting" || status.Reason != "store_lost" || status.RetryAt == nil ||
			status.RetryAt.Sub(written) > 4*time.Second || status.RetryAt.Sub(written) < 3*time.Second-50*time.Millisecond {
			t.Errorf("%+v", status)
		}
		s.kill()
	}
	s := startSidecar(t, env...)
	s.awaitLine("[DB] READY=true")
	if first := pooler.Events()[0].At; first.Sub(written) < 3*time.Second-50*time.Millisecond {
		t.Errorf("dialled %s after the file was written", first.Sub(written))
	}
	if n := pooler.Counts().Sockets; n != 1 {
		t.Errorf("%d sockets", n)
	}
}
