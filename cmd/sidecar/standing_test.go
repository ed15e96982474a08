package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/health"
)

// knows starts what answers like a sidecar that has this to say of a prod DSN,
// for the next 15 minutes. A real one would have had to dial Supabase to learn it.
func knows(t *testing.T, raw string, ready health.Readiness) string {
	t.Helper()
	until := time.Now().Add(15 * time.Minute)
	ready.Key, ready.RetryAt, ready.RetryInSeconds = dsn.Judge(raw, dsn.Rules{Env: dsn.Prod}, time.Now()).DSN.Key(), &until, 900
	status := health.Status{
		State: ready.State, Reason: ready.Reason, Trigger: ready.Trigger, Key: ready.Key, RetryAt: &until, RetryInSeconds: 900,
		LastAttempt: &health.LastAttempt{At: time.Date(2026, 1, 18, 15, 4, 5, 0, time.UTC), Reason: ready.Reason, Message: "password authentication failed"},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/status" {
			json.NewEncoder(w).Encode(status)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		json.NewEncoder(w).Encode(ready)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestHoldOfDBHost: at a db host the second wrong password is a ban, so after the
// first no command dials: exit code 1, not 78, and the way on is named.
func TestHoldOfDBHost(t *testing.T) {
	t.Parallel()
	const raw = "postgresql://postgres:secret22@db.iaketsyhmqbwaabgykux.supabase.co:6543/postgres?sslmode=require"
	env := []string{
		beSidecar + "=1", "SUPABASE_MODE=prod", "DATABASE_URL=" + raw,
		"SIDECAR_URL=" + knows(t, raw, health.Readiness{State: "rejected", Reason: "auth_failed", Message: "The password or user name was rejected."}),
	}
	for _, line := range []string{"probe", "probe --twice", "verify", "gate", "sessions"} {
		command := exec.Command(os.Args[0], strings.Fields(line)...)
		command.Env = env
		text, _ := command.Output()
		if code := command.ProcessState.ExitCode(); code != exit.Failure || !strings.Contains(string(text), "Correct DATABASE_URL first: at this host the second wrong password") {
			t.Errorf("%s: exit code %d\n%s", line, code, text)
		}
	}
}
