package main

import (
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/report"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// gateWith runs "sidecar gate --json" and returns its report.
func gateWith(t *testing.T, flags string, env ...string) report.Report {
	t.Helper()
	var got report.Report
	if code := runJSON(t, &got, "gate --json "+flags, env...); code != got.ExitCode {
		t.Errorf("exit code %d, the report says %d", code, got.ExitCode)
	}
	return got
}

// TestGateInWindow: no socket in a window and exit code 78; before a deploy that
// may be the cure, with --no-connect, a window or hold is a warning.
func TestGateInWindow(t *testing.T) {
	t.Parallel()
	for state, script := range map[machine.State]poolersim.Script{
		machine.Lockout:  {OnStartup: poolersim.CircuitBreaker},
		machine.Rejected: {Auth: poolersim.MD5, Password: "another"},
	} {
		pooler := listen(t, script)
		raw := pooler.DSN("app", "pw-of-app", "appdb")
		s := startSidecar(t, "DATABASE_URL="+raw)
		s.await(state, 10*time.Second)
		sockets := pooler.Counts().Sockets
		env := []string{"SIDECAR_URL=" + s.url, "DATABASE_URL=" + raw}

		got := gateWith(t, "--no-connect", env...)
		if check := got.Checks[5]; got.ExitCode != exit.OK || check.Name != "lockout" || check.Status != report.Warn || check.Message == "" {
			t.Errorf("%s, --no-connect: %+v", state, got)
		}
		if got := gateWith(t, "--no-connect --strict", env...); got.ExitCode != exit.Failure {
			t.Errorf("%s, --strict: %+v", state, got)
		}
		if n := pooler.Counts().Sockets - sockets; n != 0 {
			t.Errorf("%s: %d sockets with --no-connect", state, n)
		}
		got = gateWith(t, "", env...)
		want, logins := exit.Lockout, 0
		if state == machine.Rejected { // a hold is no window: it dials, and says so
			want, logins = exit.Failure, 1
		}
		if n := pooler.Counts().Sockets - sockets; got.ExitCode != want || n != logins {
			t.Errorf("%s: %d sockets, %+v", state, n, got)
		}
		if check := got.Checks[5]; state == machine.Rejected &&
			(!strings.HasPrefix(check.Message, "the sidecar's last login, at ") || strings.Contains(check.Remedy, "bans")) {
			t.Errorf("a hold is told as %+v", check)
		}
	}
}
