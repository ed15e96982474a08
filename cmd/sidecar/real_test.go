package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

const realPassword = "right-horse-7"

// realPair is a PostgreSQL with a role app behind a PgBouncer.
func realPair(t *testing.T, settings map[string]string) (*realpeer.Postgres, *realpeer.PgBouncer) {
	t.Helper()
	pg := realpeer.StartPostgres(t, realpeer.PostgresConfig{})
	pg.CreateRole(t, "app", realPassword)
	return pg, realpeer.StartPgBouncer(t, pg, realpeer.PgBouncerConfig{
		Users: map[string]string{"app": realPassword}, Settings: settings,
	})
}

// TestRealReady: SELECT 1 through both servers, once an interval, one login each.
func TestRealReady(t *testing.T) {
	t.Parallel()
	_, pooler := realPair(t, nil)
	s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", realPassword), "SIDECAR_PROBE_INTERVAL=200ms")
	s.await(machine.Ready, 20*time.Second)
	realpeer.Until(t, 20*time.Second, "five logins", func() error {
		if n := s.status().Logins.Total; n < 5 {
			return fmt.Errorf("%d logins", n)
		}
		return nil
	})
	if code, _, body := s.get("/readyz"); code != http.StatusOK {
		t.Errorf("/readyz: %d %s", code, body)
	}
	if code, _, body := s.get("/readyz?stable=1h"); code != http.StatusServiceUnavailable {
		t.Errorf("/readyz?stable=1h: %d %s", code, body)
	}
	s.stop()
	if logins, sockets := pooler.Logins("app"), pooler.Sockets(); logins != sockets || logins < 5 {
		t.Errorf("PgBouncer counted %d logins over %d sockets", logins, sockets)
	}
}

// TestRealWrongClientPassword: one login, then the hold; asking the endpoints
// makes no other.
func TestRealWrongClientPassword(t *testing.T) {
	t.Parallel()
	_, pooler := realPair(t, nil)
	s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "wrong-horse-7"), "SIDECAR_PROBE_INTERVAL=200ms")
	status := s.await(machine.Rejected, 20*time.Second)
	if status.Reason != "auth_failed" || status.RetryInSeconds < 15*60-5 || status.RetryInSeconds > 30*60 {
		t.Errorf("reason %s, next attempt in %d s", status.Reason, status.RetryInSeconds)
	}
	s.askAll(50)
	if logins := pooler.Logins("app"); logins != 1 {
		t.Errorf("PgBouncer counted %d logins", logins)
	}
	if strings.Contains(s.lines(), "wrong-horse") {
		t.Error("the log shows the password")
	}
}

// TestRealLockout is the story of the runbook: the server's password changes
// behind a warm pool, PgBouncer answers from its memory, and a window opens. In
// it nothing reaches PgBouncer; after it there is one trial, and no second
// window once the password is right.
func TestRealLockout(t *testing.T) {
	t.Parallel()
	pg, pooler := realPair(t, nil)
	s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", realPassword),
		"SIDECAR_PROBE_INTERVAL=500ms", "SIDECAR_LOCKOUT_MIN=20s", "SIDECAR_LOCKOUT_MAX=21s")
	s.await(machine.Ready, 20*time.Second)
	pg.SetPassword(t, "app", "another-horse-8")
	pg.Disconnect(t, "app")

	status := s.await(machine.Lockout, 60*time.Second)
	if status.Trigger != "server_login_retry" || status.RetryInSeconds < 19 || status.RetryInSeconds > 21 || status.WindowsInRow != 1 {
		t.Errorf("%+v", status)
	}
	sockets, logins := pooler.Sockets(), pooler.Logins("app")
	for s.status().RetryInSeconds > 1 {
		s.askAll(10)
		if code, header, body := s.get("/readyz"); code != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
			t.Fatalf("/readyz in a window: %d %s", code, body)
		}
	}
	if s, l := pooler.Sockets(), pooler.Logins("app"); s != sockets || l != logins {
		t.Errorf("in the window PgBouncer saw %d sockets and %d logins", s-sockets, l-logins)
	}

	pg.SetPassword(t, "app", realPassword)
	status = s.await(machine.Ready, 30*time.Second)
	if windows := count(status.History, "lockout", "lockout"); windows != 1 {
		t.Errorf("%d windows: %+v", windows, status.History)
	}
	if status.Logins.InWindow != 0 || status.WindowsInRow != 0 {
		t.Errorf("%+v", status)
	}
	for _, line := range []string{
		"[DB] READY=true", "[DB] READY=false reason=lockout next_retry_in=2",
		"[DB Supervisor] Lockout backoff: 2", "s remaining. No connection attempts until backoff expires.",
	} {
		if !strings.Contains(s.lines(), line) {
			t.Errorf("no log line %q", line)
		}
	}
}

// TestRealRestart: PostgreSQL or PgBouncer away for 3 s or 10 s never opens a
// window, and readiness is back within 30 s of them (invariant 8). A short
// query_wait_timeout makes the first client meet that answer.
func TestRealRestart(t *testing.T) {
	t.Parallel()
	for _, away := range []time.Duration{3 * time.Second, 10 * time.Second} {
		for _, wait := range []string{"120", "3"} {
			for _, who := range []string{"postgres", "pgbouncer"} {
				t.Run(fmt.Sprintf("%s %s query_wait_timeout=%s", who, away, wait), func(t *testing.T) {
					t.Parallel()
					pg, pooler := realPair(t, map[string]string{"query_wait_timeout": wait})
					s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", realPassword), "SIDECAR_PROBE_INTERVAL=1s")
					s.await(machine.Ready, 20*time.Second)
					down := time.Now()
					if who == "postgres" {
						pg.Stop(t, realpeer.Fast)
						<-time.After(away)
						pg.Start(t)
					} else {
						pooler.Stop(t)
						<-time.After(away)
						pooler.Start(t)
					}
					back := time.Now()
					status := s.awaitSuccessAfter(back, 30*time.Second)
					t.Logf("ready again %s after the stop, %s after the start",
						time.Since(down).Round(100*time.Millisecond), time.Since(back).Round(100*time.Millisecond))
					if count(status.History, "lockout", "lockout") > 0 {
						t.Errorf("a restart opened a window: %+v", status.History)
					}
				})
			}
		}
	}
}

// awaitSuccessAfter polls until a probe that began after the time succeeded.
func (s *sidecar) awaitSuccessAfter(begin time.Time, within time.Duration) (status health.Status) {
	s.t.Helper()
	realpeer.Until(s.t, within, "a success", func() error {
		if status = s.status(); !status.Ready || status.LastAttempt.At.Before(begin) {
			return fmt.Errorf("state %s, reason %s", status.State, status.Reason)
		}
		return nil
	})
	return status
}

// askAll asks every page so many times; none of it may reach the pooler.
func (s *sidecar) askAll(times int) {
	s.t.Helper()
	for range times {
		for _, path := range []string{"/health", "/readyz", "/readyz?verbose&stable=1s", "/status", "/metrics", "/"} {
			s.get(path)
		}
	}
}

// count is how often the history enters a state for a reason.
func count(history []health.HistoryItem, state, reason string) (n int) {
	for _, item := range history {
		if item.To == state && item.Reason == reason {
			n++
		}
	}
	return n
}
