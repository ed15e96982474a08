package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestRunSidecarAway: a sidecar that is away, comes late, dies while CMD runs and
// returns.
func TestRunSidecarAway(t *testing.T) {
	t.Parallel()
	pooler, port := listen(t, poolersim.Script{}), realpeer.FreePort(t)
	come := func() *sidecar {
		return startSidecar(t, fmt.Sprintf("PORT=%d", port), "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"))
	}
	address := fmt.Sprintf("http://ops:pw-of-ops@127.0.0.1:%d", port)
	r := shell(t, []string{"SIDECAR_URL=" + address}, "--jitter 0 --hold 3s --fail-open never",
		`while [ ! -e "$DIR/locked" ]; do sleep 0.05; done; rm "$DIR/locked"; exit 78`)
	r.awaitWords(&r.says, fmt.Sprintf("sidecar: waiting: no sidecar answers at http://ops:xxxxx@127.0.0.1:%d\n", port), 10*time.Second)

	s := come()
	r.awaitStarts(1, 10*time.Second)
	s.command.Process.Kill()
	<-s.end
	<-time.After(3 * time.Second) // more than one question's time: CMD is left alone
	if err := os.WriteFile(filepath.Join(r.dir, "locked"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.awaitWords(&r.says, fmt.Sprintf(" remaining; no sidecar answers at http://ops:xxxxx@127.0.0.1:%d", port), 10*time.Second)
	<-time.After(4 * time.Second) // the hold is over, the sidecar still away
	if n := len(r.starts()); n != 1 {
		t.Errorf("%d starts", n)
	}
	come()
	r.awaitStarts(2, 10*time.Second)
	r.signal(syscall.SIGTERM)
	if code, _ := r.code(10 * time.Second); code != 143 || strings.Contains(r.says.String(), "pw-of-ops") {
		t.Errorf("code %d", code)
	}
}

// TestRunLeavesAlone: a CMD that runs is not touched when the sidecar turns not
// ready, and the sidecar is not even asked.
func TestRunLeavesAlone(t *testing.T) {
	t.Parallel()
	s, pooler, address := readySidecar(t, "SIDECAR_PROBE_INTERVAL=100ms")
	r := shell(t, address, "--jitter 0", "trap 'exit 9' TERM; "+lingers)
	r.awaitStarts(1, 10*time.Second)
	pooler.Set(poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	s.await(machine.Lockout, 10*time.Second)
	questions := asked(s)
	<-time.After(3 * time.Second) // more than one question's time
	if n := asked(s) - questions; n != 0 {
		t.Errorf("%d questions while CMD runs", n)
	}
	r.signal(syscall.SIGTERM)
	if code, _ := r.code(10 * time.Second); code != 9 || len(r.starts()) != 1 {
		t.Errorf("code %d, %d starts", code, len(r.starts()))
	}
}

// TestRunFailOpen: without any sidecar CMD is started once, after --fail-open and
// a random part of the same, and not again when it meets a lockout.
func TestRunFailOpen(t *testing.T) {
	t.Parallel()
	r := shell(t, []string{fmt.Sprintf("SIDECAR_URL=http://127.0.0.1:%d", realpeer.FreePort(t))}, "--fail-open 1s --hold 10ms", "exit 78")
	r.awaitWords(&r.says, "; a start without it is allowed in 1s\n", 10*time.Second)
	r.awaitWords(&r.says, "; the one start without it has been made\n", 15*time.Second)
	first := r.starts()
	if after := first[0].Sub(r.begun); len(first) != 1 || after < time.Second {
		t.Errorf("%d starts, the first after %s", len(first), after)
	}
	<-time.After(5 * time.Second) // longer than the first start took
	r.signal(syscall.SIGTERM)
	if code, _ := r.code(10 * time.Second); code != 143 || len(r.starts()) != 1 {
		t.Errorf("code %d, %d starts", code, len(r.starts()))
	}
}
