package proxy

import (
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/proxy/budget"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestTwoHundredRight: all are connected within ten seconds of ready, also when
// nobody asks anything once it is in.
func TestTwoHundredRight(t *testing.T) {
	pg := realpeer.StartPostgres(t, realpeer.PostgresConfig{})
	pg.CreateRole(t, "app", "right")
	pb := realpeer.StartPgBouncer(t, pg, realpeer.PgBouncerConfig{
		Users: map[string]string{"app": "right"}, Settings: map[string]string{"max_client_conn": "500"},
	})
	for _, query := range []string{"", "SELECT 1"} {
		r := newRig(t, pb.Address())
		r.verdict(machine.Starting, machine.ReasonStarting, "")
		var apps sync.WaitGroup
		var slowest atomic.Int64
		var ready time.Time
		conns := make([]*pgconn.PgConn, 200)
		begin := make(chan struct{})
		for i := range conns {
			apps.Go(func() {
				<-begin
				var err error
				if conns[i], err = r.login(i+1, r.dsn("app", "right", realpeer.Database, "sslmode=disable"), query); err != nil {
					t.Error(err)
				}
				slowest.Store(max(slowest.Load(), int64(time.Since(ready))))
			})
		}
		r.verdict(machine.Ready, machine.ReasonOK, "")
		ready = time.Now()
		close(begin)
		apps.Wait()
		took := time.Duration(slowest.Load())
		t.Logf("query %q: the last of 200 was in after %v", query, took)
		if took > slower*10*time.Second {
			t.Errorf("took %v", took)
		}
		for _, conn := range conns {
			bye(conn)
		}
	}
}

// TestEveryWrongPasswordIsSeen: psql, which hangs up first, before PostgreSQL and
// before PgBouncer, with TLS and without.
func TestEveryWrongPasswordIsSeen(t *testing.T) {
	pg, _ := secure(t)
	behind := realpeer.StartPostgres(t, realpeer.PostgresConfig{})
	behind.CreateRole(t, "app", "right")
	ca := realpeer.NewCA(t)
	users := map[string]string{"app": "right"}
	for name, peer := range map[string]string{
		"PostgreSQL": pg.Address(),
		"PgBouncer":  realpeer.StartPgBouncer(t, behind, realpeer.PgBouncerConfig{Users: users, TLS: ca.Issue(t, "127.0.0.1"), Settings: map[string]string{"client_tls_sslmode": "allow"}}).Address(),
		"MD5":        realpeer.StartPgBouncer(t, behind, realpeer.PgBouncerConfig{Users: users, Settings: map[string]string{"auth_type": "md5"}}).Address(),
	} {
		r := newRig(t, peer)
		for _, options := range []string{"sslmode=disable", "sslmode=require", "sslmode=require&ssl_max_protocol_version=TLSv1.2"} {
			if name == "MD5" && options != "sslmode=disable" {
				continue
			}
			for tool, command := range clients(t) {
				if tool != "psql" && tool != "psycopg2" && strings.Contains(options, "TLSv1.2") {
					continue // they have no such option
				}
				dsn := strings.Replace(r.dsn("app", "wrong", realpeer.Database, options), "sslmode=require", map[bool]string{true: "sslmode=no-verify", false: "sslmode=require"}[tool == "node-postgres"], 1)
				before := r.Status().Refused
				out, err := exec.Command(command[0], append(command[1:], dsn)...).CombinedOutput()
				if err == nil || !strings.Contains(string(out), "authentication failed") {
					t.Fatalf("%s, %s, %s: %v\n%s", name, tool, options, err, out)
				}
				until(t, fmt.Sprintf("the refused login of %s at %s with %s", tool, name, options), func() bool { return r.Status().Refused == before+1 })
				r.gate.forgive(time.Time{})
			}
		}
		if r.gate.budget.Out() != 0 {
			t.Errorf("%s: %d places taken", name, r.gate.budget.Out())
		}
	}
}

// TestNotRefused: what looks like a refused login and is none.
func TestNotRefused(t *testing.T) {
	pg, _ := secure(t)
	r := newRig(t, pg.Address())
	isready := realpeer.Tool(t, "pg_isready", "postgresql-client")
	for range 20 {
		if out, err := exec.Command(isready, "-h", "127.0.0.1", "-p", r.port).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	psql := realpeer.Tool(t, "psql", "postgresql-client")
	for range 10 { // no password at hand; a certificate that is not believed
		exec.Command(psql, "-X", "-w", "-h", "127.0.0.1", "-p", r.port, "-U", "app", realpeer.Database).Run()
		exec.Command(psql, "-X", "-w", r.dsn("app", "right", realpeer.Database, "sslmode=verify-full&sslrootcert=/dev/null")).Run()
	}
	unknown := upstream(t)
	unknown.Set(poolersim.Script{OnStartup: poolersim.TenantNotFound("app")})
	address := unknown.Addr()
	r.to.Store(&address)
	for range 20 {
		if _, err := r.login(1, r.dsn("app", "right", "appdb", "sslmode=disable"), ""); err == nil || !strings.Contains(err.Error(), "ENOTFOUND") {
			t.Fatal(err)
		}
	}
	if s := r.Status(); s.Refused != 0 || len(s.Held) != 0 {
		t.Errorf("%+v", s)
	}
}

// TestRestartBehindAColdPool: PostgreSQL is away behind PgBouncer, which keeps the
// apps waiting. None of them is refused, and once it is back all of them get in.
func TestRestartBehindAColdPool(t *testing.T) {
	pg, pb := pooled(t)
	r := newRig(t, pb.Address())
	pg.Stop(t, realpeer.Fast)
	stop := make(chan struct{})
	apps, done := fleet(r, 1, 30, 300*time.Millisecond, "right", stop)
	until(t, "logins under way", func() bool { return r.Status().Connections >= budget.Places-1 })
	r.verdict(machine.Retrying, machine.ReasonTimeout, "") // what the next probe finds
	time.Sleep(time.Second)
	pg.Start(t)
	r.verdict(machine.Ready, machine.ReasonOK, "")
	until(t, "all are in", func() bool { return gotIn(apps) == 30 })
	close(stop)
	done.Wait()
	if s := r.Status(); s.Refused != 0 {
		t.Errorf("%+v", s)
	}
}

// TestNobodysPassword: PgBouncer cannot log in to PostgreSQL and refuses everybody.
// What the apps are told before the sidecar's own probe finds out is forgiven: once
// it is ready again, all of them get in.
func TestNobodysPassword(t *testing.T) {
	_, pb := pooled(t)
	r := newRig(t, pb.Address())
	pb.SetServer(t, realpeer.Login{User: "app", Password: "wrong"})
	stop := make(chan struct{})
	apps, done := fleet(r, 1, 30, 300*time.Millisecond, "right", stop)
	until(t, "the budget is used up", func() bool { return r.Status().Refused >= budget.Places-1 })
	r.verdict(machine.Retrying, machine.ReasonLockout, machine.TriggerServerLoginRetry) // what the next probe finds
	time.Sleep(500 * time.Millisecond)
	pb.SetServer(t, realpeer.Login{User: "app", Password: "right"})
	until(t, "PgBouncer is well", func() bool {
		conn, err := pgconn.Connect(t.Context(), pb.DSN("app", "right"))
		bye(conn)
		return err == nil
	})
	r.verdict(machine.Ready, machine.ReasonOK, "")
	until(t, "all are in", func() bool { return gotIn(apps) == 30 })
	close(stop)
	done.Wait()
}

// pooled starts PostgreSQL behind PgBouncer, with a memory of one second.
func pooled(t *testing.T) (*realpeer.Postgres, *realpeer.PgBouncer) {
	t.Helper()
	pg := realpeer.StartPostgres(t, realpeer.PostgresConfig{})
	pg.CreateRole(t, "app", "right")
	return pg, realpeer.StartPgBouncer(t, pg, realpeer.PgBouncerConfig{
		Users:    map[string]string{"app": "right"},
		Server:   realpeer.Login{User: "app", Password: "right"},
		Settings: map[string]string{"max_client_conn": "500", "server_login_retry": "1"},
	})
}
