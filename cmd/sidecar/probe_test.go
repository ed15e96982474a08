package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/gate"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor"
)

// probeWith runs "sidecar probe --json" and returns its report.
func probeWith(t *testing.T, flags string, env ...string) gate.ProbeReport {
	t.Helper()
	probe := exec.Command(os.Args[0], append([]string{"probe", "--json"}, strings.Fields(flags)...)...)
	probe.Env = append([]string{beSidecar + "=1"}, env...)
	out, _ := probe.Output()
	var report gate.ProbeReport
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if code := probe.ProcessState.ExitCode(); code != report.ExitCode {
		t.Errorf("exit code %d, the report says %d", code, report.ExitCode)
	}
	return report
}

// TestProbeInWindow: the probe command makes no attempt inside a window that the
// running sidecar knows of, if it is this DSN's; and says so with exit code 78.
func TestProbeInWindow(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	other := listen(t, poolersim.Script{})
	raw := pooler.DSN("app", "pw-of-app", "appdb")
	s := startSidecar(t, "DATABASE_URL="+raw)
	status := s.await(supervisor.Lockout, 10*time.Second)
	before := pooler.Counts().Sockets
	for _, c := range []struct {
		dsn     string
		flags   string
		code    int
		sockets int // at either pooler
		source  string
	}{
		{raw, "", exitLockout, 0, "sidecar"},
		{strings.Replace(raw, "app:", "another:", 1), "", exitLockout, 0, "sidecar"}, // the block is on the address, not the user
		{other.DSN("app", "pw-of-app", "appdb"), "", exitOK, 1, "none"},
		{raw, "--force", exitLockout, 1, "none"},
	} {
		sockets := pooler.Counts().Sockets + other.Counts().Sockets
		report := probeWith(t, c.flags, "SIDECAR_URL="+s.url, "DATABASE_URL="+c.dsn)
		if n := pooler.Counts().Sockets + other.Counts().Sockets - sockets; n != c.sockets || report.ExitCode != c.code || report.Window.Source != c.source {
			t.Errorf("%s: %d sockets: %+v", c.flags, n, report)
		}
		if c.source == "sidecar" && (report.Window.RetryAt.Sub(*status.RetryAt).Abs() > time.Second || report.Trigger != "circuit_breaker") {
			t.Errorf("%+v", report)
		}
	}
	if n := pooler.Counts().Sockets - before; n != 1 {
		t.Errorf("%d sockets in the window, one of them forced", n)
	}
}

// TestProbeDuringTrial: while the sidecar's one trial after a window is out, a
// probe would make it two logins.
func TestProbeDuringTrial(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	raw := pooler.DSN("app", "pw-of-app", "appdb")
	s := startSidecar(t, "DATABASE_URL="+raw, "SIDECAR_LOCKOUT_MIN=500ms", "SIDECAR_LOCKOUT_MAX=500ms", "SIDECAR_PROBE_TIMEOUT=1h")
	s.await(supervisor.Lockout, 10*time.Second)
	pooler.Set(poolersim.Script{OnStartup: poolersim.Hang})
	count := pooler.Counts().Startups
	realpeer.Until(t, 10*time.Second, "the trial", func() error {
		if n := pooler.Counts().Startups; s.status().RetryInSeconds > 0 || n == count {
			return fmt.Errorf("%d logins", n)
		}
		return nil
	})
	sockets := pooler.Counts().Sockets
	if report := probeWith(t, "", "SIDECAR_URL="+s.url, "DATABASE_URL="+raw); report.ExitCode != exitLockout || pooler.Counts().Sockets != sockets {
		t.Errorf("%d more sockets: %+v", pooler.Counts().Sockets-sockets, report)
	}
}

// TestProbeCountsLikeServe: SIDECAR_LOCKOUT_ON means the same to both.
func TestProbeCountsLikeServe(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{OnQuery: poolersim.Refusal{SQLState: "08P01", Message: "query_wait_timeout"}})
	env := []string{"DATABASE_URL=" + pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_LOCKOUT_ON=circuit_breaker", "PORT=1"}
	if report := probeWith(t, "", env...); report.ExitCode != exitFailure || report.Reason != "saturated" {
		t.Errorf("%+v", report)
	}
	s := startSidecar(t, env[:2]...)
	if status := s.await(supervisor.Retrying, 10*time.Second); status.Reason != "saturated" || status.LastAttempt.Reason != "saturated" {
		t.Errorf("%+v", status)
	}
}
