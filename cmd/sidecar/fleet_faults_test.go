package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

const redisWord = "c0rrect-h0rse-battery"

// relay is a way to a server that can be made slow.
func relay(t *testing.T, to string, delay time.Duration) string {
	return serveTCP(t, func(c net.Conn) {
		server, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer server.Close()
		go io.Copy(server, c)
		for b := make([]byte, 1<<16); ; {
			n, err := server.Read(b)
			if err != nil {
				return
			}
			select {
			case <-time.After(delay):
			case <-t.Context().Done():
				return
			}
			if _, err := c.Write(b[:n]); err != nil {
				return
			}
		}
	})
}

// oldRedis answers as Redis 4 does.
func oldRedis(t *testing.T) string {
	return serveTCP(t, func(c net.Conn) {
		for lines := bufio.NewScanner(c); lines.Scan(); {
			switch strings.ToUpper(lines.Text()) {
			case "AUTH":
				io.WriteString(c, "+OK\r\n")
			case "INFO":
				const info = "# Server\r\nredis_version:4.0.14\r\n"
				fmt.Fprintf(c, "$%d\r\n%s\r\n", len(info), info)
			}
		}
	})
}

func serveTCP(t *testing.T, serve func(net.Conn)) string {
	l, err := net.Listen("tcp", realpeer.Host+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); serve(c) }()
		}
	}()
	return l.Addr().String()
}

// redisFault is one fault of a Redis: what is said of it, and how it ends.
type redisFault struct {
	name  string
	at    string // SIDECAR_STATE; empty: the server's own
	begin func(r *realpeer.Redis)
	says  string
	end   func(r *realpeer.Redis) // nil: it does not
}

// expect waits for the one line about the store, and holds that no page or line names
// the password, and that /health is 200.
func (f redisFault) expect(t *testing.T, s *sidecar) {
	t.Helper()
	realpeer.Until(t, 15*time.Second, "store_healthy 0", func() error {
		if code, _, _ := s.get("/health"); code != http.StatusOK {
			t.Fatalf("/health %d", code)
		}
		if s.status().Store.Healthy {
			return fmt.Errorf("healthy")
		}
		return nil
	})
	s.awaitLine(f.says)
	if lines := s.linesWith(f.says); len(lines) != 1 {
		t.Errorf("said %d times: %s", len(lines), lines)
	}
	_, _, page := s.get("/")
	for _, text := range []string{s.lines(), string(page)} {
		if strings.Contains(text, "h0rse") || strings.Contains(text, "wr0ng") {
			t.Error("the password of Redis is told")
		}
	}
}

func (f redisFault) start(t *testing.T) (*realpeer.Redis, *poolersim.Server, *sidecar) {
	r := realpeer.StartRedis(t, realpeer.RedisConfig{Password: redisWord, Users: []string{"member on >" + redisWord + " ~sidecar:* +@all"}})
	pooler := listen(t, poolersim.Script{})
	at := f.at
	if at == "" {
		at = r.URL("member", redisWord).String()
	}
	if f.begin != nil && f.end == nil {
		f.begin(r)
	}
	return r, pooler, startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"),
		"SIDECAR_STATE="+at, "SIDECAR_PROBE_INTERVAL=1s")
}

// TestFleetStoreRefused: with a Redis that cannot be used at the start, nothing is asked,
// and it is told why in one line.
func TestFleetStoreRefused(t *testing.T) {
	t.Parallel()
	open := realpeer.StartRedis(t, realpeer.RedisConfig{Password: redisWord, TLS: realpeer.NewCA(t).Issue(t, realpeer.Host)})
	replica := realpeer.StartRedis(t, realpeer.RedisConfig{Settings: map[string]string{"replicaof": realpeer.Host + " 1"}})
	forbid := func(r *realpeer.Redis) { r.Do(t, "ACL", "SETUSER", "member", "-hset") }
	for _, f := range []redisFault{
		{name: "wrong password", at: "redis://:wr0ng-word@" + open.Address(), says: "it closed the connection"},
		{name: "unknown authority", at: open.URL("", redisWord).String(), says: "certificate"},
		{name: "replica", at: replica.URL("", "").String(), says: "it is a replica"},
		{name: "too old", at: "redis://:" + redisWord + "@" + oldRedis(t), says: "its version 4.0.14 is too old"},
		{name: "frozen", begin: func(r *realpeer.Redis) { r.Signal(t, syscall.SIGSTOP) }, says: "it does not answer in time"},
		{name: "dead", begin: func(r *realpeer.Redis) { r.Stop(t) }, says: "connection refused"},
		{name: "forbidden", begin: forbid, says: "may not run what is needed"},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			_, pooler, s := f.start(t)
			f.expect(t, s)
			if state := s.status(); state.Reason != string(machine.ReasonStoreLost) {
				t.Errorf("%s, %s", state.State, state.Reason)
			}
			if n := pooler.Counts().Sockets; n != 0 {
				t.Errorf("%d sockets at the pooler", n)
			}
		})
	}
}

// TestFleetStoreFails: a Redis that fails while a sidecar leads is told in one line; the
// last leader goes on, and is stored again when the fault ends.
func TestFleetStoreFails(t *testing.T) {
	t.Parallel()
	allow := func(r *realpeer.Redis) { r.Do(t, "ACL", "SETUSER", "member", "+hset", ">"+redisWord) }
	for _, f := range []redisFault{
		{name: "away", begin: func(r *realpeer.Redis) { r.Stop(t) }, says: "connection refused", end: func(r *realpeer.Redis) { r.Start(t) }},
		{name: "frozen", begin: func(r *realpeer.Redis) { r.Signal(t, syscall.SIGSTOP) }, says: "it does not answer in time", end: func(r *realpeer.Redis) { r.Signal(t, syscall.SIGCONT) }},
		{name: "forbidden", begin: func(r *realpeer.Redis) { r.Do(t, "ACL", "SETUSER", "member", "-hset") }, says: "may not run what is needed", end: allow},
		{name: "full", begin: func(r *realpeer.Redis) { r.Do(t, "CONFIG", "SET", "maxmemory", "1") }, says: "it is out of memory", end: func(r *realpeer.Redis) { r.Do(t, "CONFIG", "SET", "maxmemory", "0") }},
		{name: "demoted", begin: func(r *realpeer.Redis) { r.Do(t, "REPLICAOF", realpeer.Host, "1") }, says: "it is a replica", end: func(r *realpeer.Redis) { r.Do(t, "REPLICAOF", "NO", "ONE") }},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			r, pooler, s := f.start(t)
			s.await(machine.Ready, 15*time.Second)
			f.begin(r)
			f.expect(t, s)
			before := pooler.Counts().Startups
			realpeer.Until(t, 30*time.Second, "the last leader goes on", func() error {
				if pooler.Counts().Startups == before {
					return fmt.Errorf("no login")
				}
				return nil
			})
			f.end(r)
			realpeer.Until(t, 15*time.Second, "store_healthy 1", func() error {
				if status := s.status(); !status.Store.Healthy || status.Fleet.Role != "leader" {
					return fmt.Errorf("%+v", status.Store)
				}
				return nil
			})
			s.await(machine.Ready, 15*time.Second)
			if code, _, _ := s.get("/health"); code != http.StatusOK {
				t.Errorf("/health %d", code)
			}
		})
	}
}

// TestFleetStoreWays: TLS with an authority of one's own; answers that take their time;
// a policy that may drop a window; sentinels.
func TestFleetStoreWays(t *testing.T) {
	t.Parallel()
	ca := realpeer.NewCA(t)
	secure := realpeer.StartRedis(t, realpeer.RedisConfig{Password: redisWord, TLS: ca.Issue(t, realpeer.Host)})
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, ca.PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	plain := realpeer.StartRedis(t, realpeer.RedisConfig{Settings: map[string]string{"maxmemory-policy": "allkeys-lru"}})
	for _, c := range []struct {
		name, at, says string
	}{
		{"TLS", secure.URL("", redisWord).String(), ""},
		{"half a second an answer", "redis://" + relay(t, plain.Address(), time.Second/2), ""},
		{"evicting", plain.URL("", "").String(), "maxmemory-policy is allkeys-lru"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pooler := listen(t, poolersim.Script{})
			s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_STATE="+c.at, "SSL_CERT_FILE="+roots)
			if status := s.await(machine.Ready, 25*time.Second); !status.Store.Healthy {
				t.Errorf("%+v", status.Store)
			}
			if c.says != "" {
				s.awaitLine(c.says)
			}
			if strings.Contains(s.lines(), "h0rse") {
				t.Error("the password of Redis is told")
			}
		})
	}
	t.Run("two seconds an answer", func(t *testing.T) {
		t.Parallel()
		f := redisFault{at: "redis://" + relay(t, plain.Address(), 2*time.Second), says: "it does not answer in time"}
		_, pooler, s := f.start(t)
		f.expect(t, s)
		if n := pooler.Counts().Sockets; n != 0 {
			t.Errorf("%d sockets at the pooler", n)
		}
	})
}
