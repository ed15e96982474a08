package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestRedeploy: the deployment before is in a window; the new process, with a new
// password, hears of it over HTTP and makes no login. With the old one gone the
// store does the same, and without a store the log says what that may cost.
func TestRedeploy(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	wrong, right := "DATABASE_URL="+pooler.DSN("app", "wrong", "appdb"), "DATABASE_URL="+pooler.DSN("app", "right", "appdb")
	state := "SIDECAR_STATE=file:" + filepath.Join(t.TempDir(), "state.json")
	old := startSidecar(t, wrong, state, "SIDECAR_TOKEN=open-sesame")
	old.awaitLine("Lockout backoff: ")
	known, err := health.Client{URL: old.url}.Readiness(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	check := func(s *sidecar) {
		t.Helper()
		s.awaitLine("Lockout backoff: ")
		if status := s.status(); !status.RetryAt.Equal(*known.RetryAt) || status.Trigger != "circuit_breaker" || status.Logins.Total != 0 {
			t.Errorf("until %s, want %s: %+v", status.RetryAt, known.RetryAt, status)
		}
	}
	elsewhere := "SIDECAR_INHERIT_URL=" + strings.Replace(old.url, "127.0.0.1", "localhost", 1)
	sockets := pooler.Counts().Sockets
	otherToken := startSidecar(t, right, elsewhere, "SIDECAR_TOKEN=changed-with-it") // /readyz is open to all
	otherToken.awaitReadiness(machine.Lockout, 10*time.Second)
	otherToken.kill()
	inherits := startSidecar(t, right, elsewhere, "SIDECAR_TOKEN=open-sesame")
	inherits.awaitReadiness(machine.Lockout, 10*time.Second)
	inherits.kill()
	old.kill()
	check(startSidecar(t, right, state, elsewhere))
	if n := pooler.Counts().Sockets; n != sockets {
		t.Errorf("%d sockets inside the window", n-sockets)
	}
}

// TestInheritBeforeTheDSN: a DSN that comes later, from a file, meets the window
// of the deployment before as well.
func TestInheritBeforeTheDSN(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	old := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "wrong", "appdb"))
	old.awaitLine("Lockout backoff: ")
	file := filepath.Join(t.TempDir(), "dsn")
	s := startSidecar(t, "DATABASE_URL_FILE="+file, "SIDECAR_INHERIT_URL="+old.url)
	s.awaitLine("READY=false reason=no_config")
	put(t, file, pooler.DSN("app", "right", "appdb"), true)
	s.await(machine.Lockout, 10*time.Second)
	if n := pooler.Counts().Sockets; n != 1 {
		t.Errorf("%d sockets", n)
	}
}
