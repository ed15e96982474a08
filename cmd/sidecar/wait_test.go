package main

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestWait: how the waiting ends, each with its code and without a word on stdout.
func TestWait(t *testing.T) {
	t.Parallel()
	_, _, ready := readySidecar(t)
	locked := startSidecar(t, "DATABASE_URL="+listen(t, poolersim.Script{OnStartup: poolersim.CircuitBreaker}).DSN("app", "pw-of-app", "appdb"))
	locked.await(machine.Lockout, 10*time.Second)
	lockout := []string{"SIDECAR_URL=" + locked.url}
	nobody := []string{fmt.Sprintf("SIDECAR_URL=http://127.0.0.1:%d", realpeer.FreePort(t))}
	for name, c := range map[string]struct {
		env   []string
		flags string
		code  int
		says  string
	}{
		"ready":               {ready, "--jitter 0", exit.OK, ""},
		"jitter past the end": {ready, "--jitter 1h --timeout 1s", exit.OK, "the sidecar says ready; the start is in 1s"},
		"stable":              {ready, "--jitter 0 --stable 500ms", exit.OK, ""},
		"not stable in time":  {ready, "--stable 1h --timeout 300ms", exit.Failure, "sidecar: error: not ready in time: Ready, but not yet for 1h0m0s: "},
		"nobody in time":      {nobody, "--timeout 300ms", exit.Failure, "sidecar: error: not ready in time: no sidecar answers at http://127.0.0.1:"},
		"lockout":             {lockout, "--on-lockout exit", exit.Lockout, "sidecar: error: the sidecar reports a lockout: Lockout backoff: "},
		"lockout, to hold":    {lockout, "--timeout 300ms", exit.Failure, "sidecar: waiting: Lockout backoff: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := begin(t, c.env, "wait "+c.flags)
			if code, _ := r.code(15 * time.Second); code != c.code || r.out.String() != "" || !strings.Contains(r.says.String(), c.says) {
				t.Errorf("code %d, stdout %q, stderr %q", code, r.out.String(), r.says.String())
			}
		})
	}
	for sig, want := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130, syscall.SIGHUP: 129} {
		r := begin(t, lockout, "wait")
		r.awaitWords(&r.says, "waiting: ", 10*time.Second)
		r.signal(sig)
		if code, _ := r.code(5 * time.Second); code != want {
			t.Errorf("%s: code %d", sig, code)
		}
	}
}

// TestToldBefore: a signal that came before run or wait listened ends them all
// the same.
func TestToldBefore(t *testing.T) {
	cleanEnvironment(t)
	t.Setenv("SIDECAR_URL", "http://127.0.0.1:1")
	for s, want := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130} {
		told, cancel := context.WithCancelCause(t.Context())
		cancel(exit.Told(s))
		var said shared
		if code := run(told, []string{"wait"}, streams{nil, &said, &said}); code != want {
			t.Errorf("%s: code %d: %s", s, code, said.String())
		}
	}
}

// TestRunAtLockout: a lockout that the sidecar reports at the start is CMD's own
// where run is told to end, and a window to wait for otherwise.
func TestRunAtLockout(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_LOCKOUT_MIN=2s", "SIDECAR_LOCKOUT_MAX=2s")
	s.await(machine.Lockout, 10*time.Second)
	address := []string{"SIDECAR_URL=" + s.url}
	ends := shell(t, address, "--on-lockout exit", "exit 0")
	if code, _ := ends.code(10 * time.Second); code != exit.Lockout || len(ends.starts()) != 0 {
		t.Errorf("code %d, %d starts", code, len(ends.starts()))
	}
	waits, holds := shell(t, address, "--jitter 0", "exit 0"), shell(t, address, "--jitter 0 --hold 8s", "exit 0")
	waits.awaitWords(&waits.says, "waiting: Lockout backoff: ", 10*time.Second)
	holds.awaitWords(&holds.says, "holding after a lockout: 8s remaining; Lockout backoff: ", 10*time.Second)
	pooler.Set(poolersim.Script{})
	ready := s.await(machine.Ready, 10*time.Second).Since
	for name, r := range map[string]*launched{"waits": waits, "holds": holds} {
		if code, _ := r.code(20 * time.Second); code != exit.OK || len(r.starts()) != 1 || r.starts()[0].Before(ready) {
			t.Errorf("%s: code %d, starts at %s, ready at %s", name, code, r.starts(), ready)
		}
	}
	if after := holds.starts()[0].Sub(holds.begun); after < 8*time.Second {
		t.Errorf("with a hold of 8s it starts after %s", after)
	}
}

// TestHealthcheck: a sidecar lives in every state; nobody on the port, or somebody
// else, does not.
func TestHealthcheck(t *testing.T) {
	t.Parallel()
	s := startSidecar(t) // misconfigured, and alive
	pooler := listen(t, poolersim.Script{OnAccept: poolersim.HTTP})
	for name, c := range map[string]struct {
		Port string
		code int
	}{
		"alive":    {s.url[strings.LastIndex(s.url, ":")+1:], exit.OK},
		"nobody":   {fmt.Sprint(realpeer.FreePort(t)), exit.Failure},
		"no port":  {"http", exit.Failure},
		"an other": {fmt.Sprint(pooler.Port()), exit.Failure},
	} {
		r := begin(t, []string{"PORT=" + c.Port, "SIDECAR_URL=" + s.url}, "healthcheck")
		code, _ := r.code(10 * time.Second)
		if code != c.code || r.out.String() != "" || (r.says.String() == "") != (code == exit.OK) {
			t.Errorf("%s: code %d, %s", name, code, r.says.String())
		}
	}
}
