package main

import (
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/gate"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// sessionsWith runs "sidecar sessions --json" and returns its report.
func sessionsWith(t *testing.T, env ...string) gate.SessionsReport {
	t.Helper()
	var report gate.SessionsReport
	if code := runJSON(t, &report, "sessions --json", env...); code != report.ExitCode {
		t.Errorf("exit code %d, the report says %d", code, report.ExitCode)
	}
	return report
}

// TestRealSessionsCommand: through a real PgBouncer, one login, counted there.
func TestRealSessionsCommand(t *testing.T) {
	t.Parallel()
	_, pooler := realPair(t, nil)
	report := sessionsWith(t, "PORT=1", "DATABASE_URL="+pooler.DSN("app", realPassword))
	if report.Result != "PASS" || report.Role != "app" || !report.Pooled || len(report.LoginAgain) != 1 || report.LoginAgain[0] != "app" {
		t.Errorf("%+v", report)
	}
	if logins, sockets := pooler.Logins("app"), pooler.Sockets(); logins != 1 || sockets != 1 {
		t.Errorf("%d logins over %d sockets", logins, sockets)
	}
}

// TestSessionsInWindow: no socket in a window and exit code 78; in a hold one
// login, as the contract says of every command.
func TestSessionsInWindow(t *testing.T) {
	t.Parallel()
	for state, c := range map[machine.State]struct {
		script        poolersim.Script
		code, sockets int
	}{
		machine.Lockout:  {poolersim.Script{OnStartup: poolersim.CircuitBreaker}, exitLockout, 0},
		machine.Rejected: {poolersim.Script{Auth: poolersim.MD5, Password: "another"}, exitFailure, 1},
	} {
		pooler := listen(t, c.script)
		raw := pooler.DSN("app", "pw-of-app", "appdb")
		s := startSidecar(t, "DATABASE_URL="+raw)
		s.await(state, 10*time.Second)
		sockets := pooler.Counts().Sockets
		report := sessionsWith(t, "SIDECAR_URL="+s.url, "DATABASE_URL="+raw)
		if n := pooler.Counts().Sockets - sockets; report.ExitCode != c.code || n != c.sockets || report.Sessions == nil {
			t.Errorf("%s: %d sockets, %+v", state, n, report)
		}
	}
}
