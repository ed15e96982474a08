package main

import (
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// through logs in through the sidecar's proxy.
func (s *sidecar) through(password string) (*pgconn.PgConn, error) {
	s.t.Helper()
	return pgconn.Connect(s.t.Context(), "postgresql://app:"+password+"@"+s.proxyAddress()+"/appdb?sslmode=disable")
}

// TestProxy: an app reaches the database through the sidecar; a refused one is held,
// brings the next probe forward, and every page says so; in a window nobody gets
// through, and what is open stays open, beyond SIGTERM for as long as it may.
func TestProxy(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{Auth: poolersim.SCRAM, Password: "right-one"})
	s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "right-one", "appdb"), "SIDECAR_PROXY_PORT=0", "SIDECAR_PROXY_DRAIN=2s", "SIDECAR_PROBE_INTERVAL=1h")
	s.await(machine.Ready, 10*time.Second)
	conn, err := s.through("right-one")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Exec(t.Context(), "SELECT 1").Close(); err != nil {
		t.Fatal(err)
	}
	asked := s.status().LastAttempt.At
	if _, err := s.through("wrong-one"); err == nil || !strings.Contains(err.Error(), "28P01") {
		t.Fatalf("%v", err)
	}
	s.awaitLine("a login from 127.0.0.1 was refused")
	if _, err := s.through("right-one"); err == nil || !strings.Contains(err.Error(), "this service's own logins were refused") {
		t.Errorf("%v", err)
	}
	if p := s.status().Proxy; p == nil || !p.Open || p.Connections != 1 || p.Refused != 1 || len(p.Held) != 1 || p.Held[0].Client != "127.0.0.1" {
		t.Errorf("%+v", p)
	}
	realpeer.Until(t, 10*time.Second, "the next probe", func() error {
		if !s.status().LastAttempt.At.After(asked) {
			return http.ErrServerClosed
		}
		return nil
	})
	_, _, metrics := s.get("/metrics")
	for _, line := range []string{`pooler_proxy_connections_total{result="held"} 1`, `pooler_proxy_connections_total{result="relayed"} 2`, "pooler_proxy_open_connections 1", "pooler_proxy_refused_logins_total 1", "pooler_window_violations_total 0"} {
		if !strings.Contains(string(metrics), line+"\n") {
			t.Errorf("no %s", line)
		}
	}
	if _, _, text := s.get("/readyz?verbose"); !strings.Contains(string(text), "[+]proxy ok") {
		t.Errorf("%s", text)
	}

	pooler.Set(poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	begun := time.Now()
	ended := make(chan int, 1)
	go func() { ended <- s.stop() }()
	s.await(machine.Stopping, 3*time.Second)
	if err := conn.Exec(t.Context(), "SELECT 1").Close(); err != nil {
		t.Errorf("during the drain: %v", err)
	}
	if code := <-ended; code != exit.OK {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(begun); took < 2*time.Second || took > 7*time.Second {
		t.Errorf("took %v", took)
	}
	runtime.KeepAlive(conn) // a connection that nobody holds is closed by the collector
}

// TestProxyInWindow: no socket of an app's reaches the pooler.
func TestProxyInWindow(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "right-one", "appdb"), "SIDECAR_PROXY_PORT=0")
	s.await(machine.Lockout, 10*time.Second)
	sockets := pooler.Counts().Sockets
	for range 20 {
		if _, err := s.through("right-one"); err == nil || !strings.Contains(err.Error(), "57P03") || !strings.Contains(err.Error(), "No connection attempts until backoff expires") {
			t.Errorf("%v", err)
		}
	}
	if got := pooler.Counts().Sockets; got != sockets {
		t.Errorf("%d sockets in the window", got-sockets)
	}
	if _, _, text := s.get("/readyz?verbose"); !strings.Contains(string(text), "[-]proxy: new connections are refused") {
		t.Errorf("%s", text)
	}
	begun := time.Now()
	if code := s.stop(); code != exit.OK || time.Since(begun) > 5*time.Second {
		t.Errorf("exit code %d after %v", code, time.Since(begun))
	}
}
