package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

func listen(t *testing.T, script poolersim.Script) *poolersim.Server {
	t.Helper()
	pooler, err := poolersim.Listen()
	if err != nil {
		t.Fatal(err)
	}
	pooler.Set(script)
	t.Cleanup(pooler.Close)
	return pooler
}

// TestHealthDuringFirstDial: the port answers while the very first probe hangs
// (invariant 4), and a process that is told to end does so in time, keeping its
// verdict about the database.
func TestHealthDuringFirstDial(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{OnStartup: poolersim.Hang})
	s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_PROBE_TIMEOUT=1h")
	for _, path := range []string{"/health", "/livez"} {
		if code, _, body := s.get(path); code != http.StatusOK || string(body) != `{"status":"warn","state":"starting"}`+"\n" {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	code, header, body := s.get("/readyz")
	var ready health.Readiness
	if err := json.Unmarshal(body, &ready); err != nil || code != http.StatusServiceUnavailable || ready.State != "starting" {
		t.Errorf("/readyz: %d %s", code, body)
	}
	if got := header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	asked := time.Now()
	if code := s.stop(); code != exit.OK {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(asked); took > 5*time.Second {
		t.Errorf("took %s to end", took)
	}
	if c := pooler.Counts(); c.Sockets > 1 || c.Startups > 1 {
		t.Errorf("%+v", c)
	}
}

// TestStopping: for a moment after SIGTERM /status says so and /readyz keeps its
// verdict.
func TestStopping(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{})
	s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"))
	s.await(machine.Ready, 10*time.Second)
	ended := make(chan int)
	go func() { ended <- s.stop() }()
	s.await(machine.Stopping, 3*time.Second)
	if code, _, body := s.get("/readyz"); code != http.StatusOK {
		t.Errorf("/readyz while stopping: %d %s", code, body)
	}
	if code := <-ended; code != exit.OK {
		t.Errorf("exit code %d", code)
	}
	if _, err := http.Get(s.url + "/health"); err == nil {
		t.Error("the port is still open")
	}
}

// TestBrokenConfigurations: a fault of the DSN or the guard does not stop the
// process; it answers, says why, and dials nothing (invariant 7).
func TestBrokenConfigurations(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{})
	good := pooler.DSN("app", "pw-of-app", "appdb")
	for name, c := range map[string]struct {
		env    []string
		reason string
	}{
		"none":       {nil, "no_config"},
		"empty":      {[]string{"DATABASE_URL="}, "no_config"},
		"other":      {[]string{"DATABASE_URL=mysql" + strings.TrimPrefix(good, "postgresql")}, "invalid_dsn"},
		"raw at":     {[]string{"DATABASE_URL=" + strings.Replace(good, "pw-of-app", "pw@of-app", 1)}, "invalid_dsn"},
		"raw slash":  {[]string{"DATABASE_URL=" + strings.Replace(good, "pw-of-app", "12/of-app", 1)}, "invalid_dsn"},
		"two hosts":  {[]string{"DATABASE_URL=" + strings.Replace(good, "@", "@localhost:1,", 1)}, "invalid_dsn"},
		"no secret":  {[]string{"DATABASE_URL=" + strings.Replace(good, ":pw-of-app", "", 1)}, "invalid_dsn"},
		"loopback":   {[]string{"DATABASE_URL=" + good, "SUPABASE_MODE=prod"}, "guard"},
		"old waiver": {[]string{"DATABASE_URL=postgresql://postgres:pw-of-app@db.iaketsyhmqbwaabgykux.supabase.co:5432/postgres?sslmode=require", "SUPABASE_MODE=prod", "DB_CONNECTION_MODE=direct_waiver"}, "waiver_expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSidecar(t, c.env...)
			status := s.await(machine.Misconfigured, 10*time.Second)
			if status.Reason != c.reason || status.Ready || status.RetryAt != nil || status.Advice == "" {
				t.Errorf("%+v", status)
			}
			if code, _, _ := s.get("/health"); code != http.StatusOK {
				t.Errorf("/health: %d", code)
			}
			if code, _, body := s.get("/readyz"); code != http.StatusServiceUnavailable || !bytes.Contains(body, []byte(c.reason)) {
				t.Errorf("/readyz: %d %s", code, body)
			}
			for _, path := range []string{"/", "/status", "/metrics", "/readyz?verbose"} {
				if _, _, body := s.get(path); bytes.Contains(body, []byte("of-app")) {
					t.Errorf("%s shows the password", path)
				}
			}
			if log := s.lines(); strings.Contains(log, "of-app") || !strings.Contains(log, "[DB] READY=false reason="+c.reason) {
				t.Errorf("log:\n%s", log)
			}
		})
	}
	t.Cleanup(func() {
		if n := pooler.Counts().Sockets; n != 0 {
			t.Errorf("%d sockets", n)
		}
	})
}

// TestPromtool: the metrics are clean in the eyes of Prometheus' own tool, while
// starting, ready and in a window.
func TestPromtool(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{OnQuery: poolersim.CircuitBreaker})
	for name, env := range map[string][]string{
		"misconfigured": nil,
		"lockout":       {"DATABASE_URL=" + pooler.DSN("app", "pw-of-app", "appdb")},
	} {
		s := startSidecar(t, env...)
		s.await(machine.State(name), 10*time.Second)
		_, _, metrics := s.get("/metrics")
		check := exec.Command(realpeer.Tool(t, "promtool", "prometheus"), "check", "metrics")
		check.Stdin = bytes.NewReader(metrics)
		if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		for _, line := range []string{
			"pooler_ready 0", `pooler_state{state="` + name + `"} 1`, "pooler_window_violations_total 0",
			`pooler_lockouts_total{trigger="network_ban"} 0`, `pooler_logins_total{reason="tls"} 0`,
			`pooler_http_requests_total{code="503",path="/readyz"} 0`,
		} {
			if !bytes.Contains(metrics, []byte(line+"\n")) {
				t.Errorf("%s: no %s", name, line)
			}
		}
	}
}
