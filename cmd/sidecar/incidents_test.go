package main

import (
	"context"
	"flag"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

var update = flag.Bool("update", false, "write testdata/incidents")

// incident is something that goes wrong, brought about on real servers where it can be.
type incident struct {
	env  []string // of the sidecar and of the commands
	when machine.State
}

// at is an incident of a DSN.
func at(when machine.State, raw string, env ...string) incident {
	return incident{append([]string{"DATABASE_URL=" + raw}, env...), when}
}

// house is a PostgreSQL with the role app behind a PgBouncer.
func house(t *testing.T, pg realpeer.PostgresConfig, pb realpeer.PgBouncerConfig) (*realpeer.Postgres, *realpeer.PgBouncer) {
	t.Helper()
	server := realpeer.StartPostgres(t, pg)
	server.CreateRole(t, "app", "pw-of-app")
	pb.Users = map[string]string{"app": "pw-of-app"}
	return server, realpeer.StartPgBouncer(t, server, pb)
}

// hold takes both connections of a pool of two, until the test ends.
func hold(t *testing.T, pooler *realpeer.PgBouncer) string {
	t.Helper()
	raw := pooler.DSN("app", "pw-of-app")
	for range 2 {
		visitorAt(t, raw).must("BEGIN; SELECT 1")
	}
	return raw
}

func two(settings map[string]string) realpeer.PgBouncerConfig {
	settings["default_pool_size"] = "2"
	return realpeer.PgBouncerConfig{Settings: settings}
}

const prodDSN = "postgresql://postgres.iaketsyhmqbwaabgykux:quiet-otter-3@aws-0-us-east-1.pooler.supabase.com:6543/postgres"

var incidents = map[string]func(t *testing.T) incident{
	"wrong-password": func(t *testing.T) incident {
		_, pooler := house(t, realpeer.PostgresConfig{}, realpeer.PgBouncerConfig{})
		return at(machine.Rejected, pooler.DSN("app", "another-word"))
	},
	"wrong-user": func(t *testing.T) incident {
		_, pooler := house(t, realpeer.PostgresConfig{}, realpeer.PgBouncerConfig{})
		return at(machine.Rejected, pooler.DSN("nosuch", "pw-of-app"))
	},
	"wrong-database": func(t *testing.T) incident {
		_, pooler := house(t, realpeer.PostgresConfig{}, realpeer.PgBouncerConfig{})
		return at(machine.Rejected, strings.Replace(pooler.DSN("app", "pw-of-app"), "/"+realpeer.Database, "/nosuch", 1))
	},
	"address-not-allowed": func(t *testing.T) incident {
		pg := realpeer.StartPostgres(t, realpeer.PostgresConfig{HBA: []string{"host all app 127.0.0.1/32 reject"}})
		pg.CreateRole(t, "app", "pw-of-app")
		return at(machine.Rejected, pg.DSN("app", "pw-of-app"))
	},
	"too-many-clients": func(t *testing.T) incident {
		_, pooler := house(t, realpeer.PostgresConfig{}, realpeer.PgBouncerConfig{Settings: map[string]string{"max_client_conn": "1"}})
		visitorAt(t, pooler.DSN("app", "pw-of-app"))
		return at(machine.Retrying, pooler.DSN("app", "pw-of-app"))
	},
	"pool-full": func(t *testing.T) incident {
		_, pooler := house(t, realpeer.PostgresConfig{}, two(map[string]string{"query_wait_timeout": "1"}))
		return at(machine.Retrying, hold(t, pooler))
	},
	"pool-full-default": func(t *testing.T) incident {
		_, pooler := house(t, realpeer.PostgresConfig{}, two(map[string]string{}))
		return at(machine.Retrying, hold(t, pooler), "SIDECAR_PROBE_TIMEOUT=1s")
	},
	"database-stopped": func(t *testing.T) incident {
		pg, pooler := house(t, realpeer.PostgresConfig{}, realpeer.PgBouncerConfig{Settings: map[string]string{"server_login_retry": "15"}})
		warm := visitorAt(t, pooler.DSN("app", "pw-of-app"))
		warm.must("SELECT 1")
		pg.Stop(t, realpeer.Fast)
		warm.Close(t.Context())
		soon, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		visitorAt(t, pooler.DSN("app", "pw-of-app")).Exec(soon, "SELECT 1").ReadAll() // PgBouncer finds out
		return at(machine.Retrying, pooler.DSN("app", "pw-of-app"))
	},
	"password-of-pooler": func(t *testing.T) incident {
		pg, pooler := house(t, realpeer.PostgresConfig{}, realpeer.PgBouncerConfig{Server: realpeer.Login{User: "keeper", Password: "pw-of-keeper"}})
		pg.CreateRole(t, "keeper", "changed-word")
		return at(machine.Rejected, pooler.DSN("app", "pw-of-app"), "SIDECAR_PROBE_TIMEOUT=1s")
	},
	"pooler-stopped": func(t *testing.T) incident {
		_, pooler := house(t, realpeer.PostgresConfig{}, realpeer.PgBouncerConfig{})
		pooler.Stop(t)
		return at(machine.Retrying, pooler.DSN("app", "pw-of-app"))
	},
	"tls-unknown-authority": func(t *testing.T) incident {
		_, pooler := house(t, realpeer.PostgresConfig{}, realpeer.PgBouncerConfig{TLS: realpeer.NewCA(t).Issue(t, "127.0.0.1")})
		return at(machine.Retrying, secure(pooler.DSN("app", "pw-of-app"), "verify-full"))
	},
	"tls-other-host": func(t *testing.T) incident {
		ca := realpeer.NewCA(t)
		_, pooler := house(t, realpeer.PostgresConfig{}, realpeer.PgBouncerConfig{TLS: ca.Issue(t, "pooler.example.org")})
		return at(machine.Retrying, secure(pooler.DSN("app", "pw-of-app"), "verify-full"), "SIDECAR_SSLROOTCERT_PEM="+string(ca.PEM))
	},
	"tls-none": func(t *testing.T) incident {
		_, pooler := house(t, realpeer.PostgresConfig{}, realpeer.PgBouncerConfig{})
		return at(machine.Retrying, secure(pooler.DSN("app", "pw-of-app"), "require"))
	},
	"starting-up": func(t *testing.T) incident {
		pg := realpeer.StartPostgres(t, realpeer.PostgresConfig{Settings: map[string]string{"wal_level": "replica", "hot_standby": "off"}})
		pg.CreateRole(t, "app", "pw-of-app")
		pg.Stop(t, realpeer.Fast)
		pg.StartWaiting(t)
		return at(machine.Retrying, pg.DSN("app", "pw-of-app"))
	},
	"not-postgresql": func(t *testing.T) incident {
		web, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { web.Close() })
		go func() {
			for conn, err := web.Accept(); err == nil; conn, err = web.Accept() {
				io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
				io.Copy(io.Discard, conn)
				conn.Close()
			}
		}()
		return at(machine.Rejected, "postgresql://app:pw-of-app@"+web.Addr().String()+"/appdb")
	},
	"circuit-breaker": func(t *testing.T) incident {
		pooler := listen(t, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
		return at(machine.Lockout, pooler.DSN("app", "pw-of-app", "appdb"))
	},
	"no-tenant": func(t *testing.T) incident {
		pooler := listen(t, poolersim.Script{OnStartup: poolersim.Refusal{SQLState: "XX000", Message: "(ENOTFOUND) tenant/user app not found"}})
		return at(machine.Rejected, pooler.DSN("app", "pw-of-app", "appdb"))
	},
	"unencoded-password": func(*testing.T) incident {
		return at(machine.Misconfigured, "postgresql://app:my#p/1@127.0.0.1:6543/appdb")
	},
	"no-encryption": func(*testing.T) incident { return at(machine.Misconfigured, prodDSN, "SUPABASE_MODE=prod") },
	"wrong-environment": func(*testing.T) incident {
		return at(machine.Misconfigured, prodDSN+"?sslmode=require", "SUPABASE_MODE=dev")
	},
	"waiver-over": func(*testing.T) incident {
		return at(machine.Misconfigured, "postgresql://postgres:quiet-otter-3@db.iaketsyhmqbwaabgykux.supabase.co:5432/postgres?sslmode=require",
			"SUPABASE_MODE=prod", "DB_CONNECTION_MODE=direct_waiver")
	},
}

// secure is a DSN with another sslmode.
func secure(raw, sslmode string) string {
	raw, _, _ = strings.Cut(raw, "?")
	return raw + "?sslmode=" + sslmode
}

// passing are the parts of a screen that differ from run to run.
var passing = []struct {
	part *regexp.Regexp
	in   string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`), "DATE HH:MM:SS UTC"},
	{regexp.MustCompile(`\d\d:\d\d:\d\d UTC`), "HH:MM:SS UTC"},
	{regexp.MustCompile(`\d+s \(\d+m\)|\b\d+m\d\ds\b|\b\d+h\d\dm\b|\b\d+s\b`), "SPAN"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`Port: +\d{5} `), "Port:        PORT  "},
	{regexp.MustCompile(`port \d{5}\b`), "port PORT"},
	{regexp.MustCompile(`\d+ms\b`), "NNms"},
	{regexp.MustCompile(`CN=[0-9a-f-]{8,}`), "CN=..."},
}

// TestIncidents: what an operator sees on every screen, in each of the things that go
// wrong. Read the files as that person would before they are committed.
func TestIncidents(t *testing.T) {
	t.Parallel()
	for name, bring := range incidents {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := bring(t)
			env := append([]string{"SUPABASE_MODE=dev", "SIDECAR_RETRY_MIN=1h", "SIDECAR_RETRY_MAX=1h"}, found.env...)
			s := startSidecar(t, env...)
			s.await(found.when, 30*time.Second)
			var b strings.Builder
			for _, line := range []string{"status", "probe", "gate", "verify"} {
				command := exec.Command(os.Args[0], line)
				command.Env = append([]string{beSidecar + "=1", "SIDECAR_URL=" + s.url}, env...)
				command.Dir = t.TempDir()
				out, _ := command.CombinedOutput()
				b.WriteString("$ sidecar " + line + "\n" + string(out) + "\n")
			}
			got := b.String()
			for _, p := range passing {
				got = p.part.ReplaceAllString(got, p.in)
			}
			file := filepath.Join("testdata", "incidents", name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := diff.Diff(string(want), got); d != "" {
				t.Errorf("%s; write it anew with -update, and read it:\n%s", file, d)
			}
		})
	}
}
