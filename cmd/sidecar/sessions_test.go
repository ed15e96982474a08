package main

import (
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/report"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// sessionsWith runs "sidecar sessions --json" and returns its report.
func sessionsWith(t *testing.T, env ...string) report.SessionsReport {
	t.Helper()
	var got report.SessionsReport
	if code := runJSON(t, &got, "sessions --json", env...); code != got.ExitCode {
		t.Errorf("exit code %d, the report says %d", code, got.ExitCode)
	}
	return got
}

// TestRealSessionsCommand: through a real PgBouncer, one login, counted there.
func TestRealSessionsCommand(t *testing.T) {
	t.Parallel()
	_, pooler := realPair(t, nil)
	got := sessionsWith(t, "PORT=1", "DATABASE_URL="+pooler.DSN("app", realPassword))
	if got.Result != "PASS" || got.Role != "app" || !got.Pooled || len(got.LoginAgain) != 1 || got.LoginAgain[0] != "app" {
		t.Errorf("%+v", got)
	}
	if logins, sockets := pooler.Logins("app"), pooler.Sockets(); logins != 1 || sockets != 1 {
		t.Errorf("%d logins over %d sockets", logins, sockets)
	}
}

// TestSessionsInWindow: no socket in a window and exit code 78; in a hold one
// login, as with every command (docs/commands.md#which).
func TestSessionsInWindow(t *testing.T) {
	t.Parallel()
	for state, c := range map[machine.State]struct {
		script        poolersim.Script
		code, sockets int
	}{
		machine.Lockout:  {poolersim.Script{OnStartup: poolersim.CircuitBreaker}, exit.Lockout, 0},
		machine.Rejected: {poolersim.Script{Auth: poolersim.MD5, Password: "another"}, exit.Failure, 1},
	} {
		pooler := listen(t, c.script)
		raw := pooler.DSN("app", "pw-of-app", "appdb")
		s := startSidecar(t, "DATABASE_URL="+raw)
		s.await(state, 10*time.Second)
		sockets := pooler.Counts().Sockets
		got := sessionsWith(t, "SIDECAR_URL="+s.url, "DATABASE_URL="+raw)
		if n := pooler.Counts().Sockets - sockets; got.ExitCode != c.code || n != c.sockets || got.Sessions == nil {
			t.Errorf("%s: %d sockets, %+v", state, n, got)
		}
	}
}
