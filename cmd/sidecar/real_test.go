package main

import (
	"fmt"
	"net/http"
	"os"
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
// behind a warm pool, PgBouncer answers from its memory, and once that has been
// outlasted a window opens. In it nothing reaches PgBouncer; after it there is one
// trial, and no second window. In make soak also until it is ready, and of a server
// that stays away.
func TestRealLockout(t *testing.T) {
	t.Parallel()
	type change func(*testing.T, *realpeer.Postgres)
	faults := map[string][2]change{"password": {
		func(t *testing.T, pg *realpeer.Postgres) {
			pg.SetPassword(t, "app", "another-horse-8")
			pg.Disconnect(t, "app")
		},
		func(t *testing.T, pg *realpeer.Postgres) { pg.SetPassword(t, "app", realPassword) },
	}}
	soaking := os.Getenv("SOAK") != ""
	if soaking {
		faults["away"] = [2]change{
			func(t *testing.T, pg *realpeer.Postgres) { pg.Stop(t, realpeer.Fast) },
			func(t *testing.T, pg *realpeer.Postgres) { pg.Start(t) },
		}
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pg, pooler := realPair(t, nil)
			s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", realPassword),
				"SIDECAR_PROBE_INTERVAL=500ms", "SIDECAR_LOCKOUT_MIN=5s", "SIDECAR_LOCKOUT_MAX=6s")
			s.await(machine.Ready, 20*time.Second)
			fault[0](t, pg)
			status := staysSilent(t, s, pooler)
			fault[1](t, pg)
			logins := status.Logins.Total
			realpeer.Until(t, 30*time.Second, "the trial is over", func() error {
				if status = s.status(); status.Logins.Total == logins || soaking && !status.Ready {
					return fmt.Errorf("%s after %d logins", status.State, status.Logins.Total)
				}
				return nil
			})
			if windows := count(status.History, "lockout", "lockout"); windows != 1 || status.State == "lockout" || status.Logins.InWindow != 0 {
				t.Errorf("%d windows: %+v", windows, status)
			}
			for _, line := range []string{
				"[DB] READY=true", "[DB] READY=false reason=lockout next_retry_in=17s", "[DB] READY=false reason=lockout next_retry_in=6s",
				"[DB Supervisor] Lockout backoff: 6s remaining. No connection attempts until backoff expires.",
			} {
				if !strings.Contains(s.lines(), line) {
					t.Errorf("no log line %q", line)
				}
			}
		})
	}
}

// staysSilent waits for the first answer from memory and for the window, and asks
// every page until just before its end: nothing reaches PgBouncer. It returns what
// was said of the window.
func staysSilent(t *testing.T, s *sidecar, pooler *realpeer.PgBouncer) health.Status {
	t.Helper()
	realpeer.Until(t, 30*time.Second, "an answer from memory", func() error {
		if status := s.status(); status.Reason != "lockout" {
			return fmt.Errorf("%s, %s", status.State, status.Reason)
		}
		return nil
	})
	first := time.Now()
	status := s.await(machine.Lockout, 90*time.Second)
	t.Logf("a window %s after the first answer", time.Since(first).Round(100*time.Millisecond))
	if a := status.LastAttempt; status.Trigger != "server_login_retry" || status.WindowsInRow != 1 || status.RetryInSeconds > 6 ||
		a.Step != "query" || a.SQLState != "08P01" || status.Cause != "" {
		t.Errorf("%+v after %+v", status, a)
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
	return status
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
