package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/report"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// probeWith runs "sidecar probe --json" and returns its report.
func probeWith(t *testing.T, flags string, env ...string) report.ProbeReport {
	t.Helper()
	var got report.ProbeReport
	if code := runJSON(t, &got, "probe --json "+flags, env...); code != got.ExitCode {
		t.Errorf("exit code %d, the report says %d", code, got.ExitCode)
	}
	return got
}

// TestProbeInWindow: the probe command makes no attempt inside a window that the
// running sidecar knows of, if it is this DSN's; and says so with exit code 78.
func TestProbeInWindow(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	other := listen(t, poolersim.Script{})
	raw := pooler.DSN("app", "pw-of-app", "appdb")
	s := startSidecar(t, "DATABASE_URL="+raw)
	status := s.await(machine.Lockout, 10*time.Second)
	before := pooler.Counts().Sockets
	for _, c := range []struct {
		dsn     string
		flags   string
		code    int
		sockets int // at either pooler
		source  string
	}{
		{raw, "", exit.Lockout, 0, "sidecar"},
		{strings.Replace(raw, "app:", "another:", 1), "", exit.Lockout, 0, "sidecar"}, // the block is on the address, not the user
		{other.DSN("app", "pw-of-app", "appdb"), "", exit.OK, 1, "none"},
		{raw, "--force", exit.Lockout, 1, "none"},
	} {
		sockets := pooler.Counts().Sockets + other.Counts().Sockets
		got := probeWith(t, c.flags, "SIDECAR_URL="+s.url, "DATABASE_URL="+c.dsn)
		if n := pooler.Counts().Sockets + other.Counts().Sockets - sockets; n != c.sockets || got.ExitCode != c.code || got.Window.Source != c.source {
			t.Errorf("%s: %d sockets: %+v", c.flags, n, got)
		}
		if c.source == "sidecar" && (got.Window.RetryAt.Sub(*status.RetryAt).Abs() > time.Second || got.Trigger != "circuit_breaker") {
			t.Errorf("%+v", got)
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
	s.await(machine.Lockout, 10*time.Second)
	pooler.Set(poolersim.Script{OnStartup: poolersim.Hang})
	count := pooler.Counts().Startups
	realpeer.Until(t, 10*time.Second, "the trial", func() error {
		if n := pooler.Counts().Startups; s.status().RetryInSeconds > 0 || n == count {
			return fmt.Errorf("%d logins", n)
		}
		return nil
	})
	sockets := pooler.Counts().Sockets
	if got := probeWith(t, "", "SIDECAR_URL="+s.url, "DATABASE_URL="+raw); got.ExitCode != exit.Lockout || pooler.Counts().Sockets != sockets {
		t.Errorf("%d more sockets: %+v", pooler.Counts().Sockets-sockets, got)
	}
}

// TestProbeCountsLikeServe: SIDECAR_LOCKOUT_ON means the same to both.
func TestProbeCountsLikeServe(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{OnQuery: poolersim.Refusal{SQLState: "08P01", Message: "query_wait_timeout"}})
	env := []string{"DATABASE_URL=" + pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_LOCKOUT_ON=circuit_breaker", "PORT=1"}
	if got := probeWith(t, "", env...); got.ExitCode != exit.Failure || got.Reason != "saturated" {
		t.Errorf("%+v", got)
	}
	s := startSidecar(t, env[:2]...)
	if status := s.await(machine.Retrying, 10*time.Second); status.Reason != "saturated" || status.LastAttempt.Reason != "saturated" {
		t.Errorf("%+v", status)
	}
}

// TestProbeTwice: after server_login_retry a second login 3 s later decides, and
// no other refusal leads to one.
func TestProbeTwice(t *testing.T) {
	t.Parallel()
	echo := poolersim.Script{OnQuery: poolersim.ServerLoginRetry}
	for name, c := range map[string]struct {
		first, second poolersim.Script
		code, logins  int
	}{
		"healed":  {echo, poolersim.Script{}, exit.OK, 2},
		"lasting": {echo, echo, exit.Lockout, 2},
		"other":   {poolersim.Script{OnStartup: poolersim.CircuitBreaker}, poolersim.Script{}, exit.Lockout, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pooler := listen(t, poolersim.Script{Choose: func(n int, _ map[string]string) poolersim.Script {
				if n == 1 {
					return c.first
				}
				return c.second
			}})
			got := probeWith(t, "--twice", "PORT=1", "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"))
			if n := pooler.Counts().Startups; got.ExitCode != c.code || n != c.logins {
				t.Errorf("%d logins, %+v", n, got)
			}
			if events := pooler.Events(); c.logins == 2 {
				if gap := events[len(events)-1].At.Sub(events[0].At); gap < secondLook {
					t.Errorf("the second login came after %s", gap)
				}
			}
		})
	}
}

// TestRealProbe: PASS, the lockout of a real PgBouncer with the seed's words, and
// PASS again with a second look once the password is right.
func TestRealProbe(t *testing.T) {
	t.Parallel()
	pg, pooler := realPair(t, map[string]string{"server_login_retry": "1", "query_wait_timeout": "1"})
	env := []string{"PORT=1", "DATABASE_URL=" + pooler.DSN("app", realPassword)}
	if got := probeWith(t, "", env...); got.Result != "PASS" || got.Login.LatencyMS < 0 {
		t.Errorf("%+v", got)
	}
	pg.SetPassword(t, "app", "another-horse-8")
	pg.Disconnect(t, "app")
	realpeer.Until(t, 20*time.Second, "server_login_retry", func() error {
		if got := probeWith(t, "", env...); got.ExitCode != exit.Lockout || got.Trigger != "server_login_retry" {
			return fmt.Errorf("%+v", got)
		}
		return nil
	})
	command := exec.Command(os.Args[0], "probe")
	command.Env = append([]string{beSidecar + "=1"}, env...)
	text, _ := command.Output()
	for _, line := range []string{
		"❌ CONNECTION: FAILED\n   Error: server login has been failing", "  RESULT: FAIL (LOCKOUT DETECTED)\n\n  ACTION: Wait 15+ minutes before retrying. Do NOT restart services.\n",
		"NOTE: PgBouncer may be answering from memory. Ask twice: sidecar probe --twice\n",
	} {
		if !strings.Contains(string(text), line) {
			t.Errorf("no %q in\n%s", line, text)
		}
	}
	pg.SetPassword(t, "app", realPassword)
	<-time.After(1500 * time.Millisecond) // past server_login_retry: the first knock makes it look again
	logins := pooler.Logins("app")
	got := probeWith(t, "--twice", env...)
	if n := pooler.Logins("app") - logins; got.Result != "PASS" || n > 2 {
		t.Errorf("%d logins, %+v", n, got)
	}
}
