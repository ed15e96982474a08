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

// guarded is a simulated pooler with Supavisor's breaker, and when the wrong
// passwords came to it.
type guarded struct {
	*poolersim.Server
	breaker *poolersim.Breaker
	mu      sync.Mutex
	wrong   []time.Time
}

func newGuarded(t testing.TB) *guarded {
	g := &guarded{Server: upstream(t), breaker: &poolersim.Breaker{Failures: 10, Within: 150 * time.Second, Quiet: 2 * time.Minute}}
	g.accept("right")
	return g
}

// accept makes a password the right one, for the connections that come from now on.
func (g *guarded) accept(password string) {
	g.Set(g.breaker.Guard(poolersim.Script{Auth: poolersim.SCRAM, Password: password, OnWrong: poolersim.Call(g.note)}))
}

// worst is the most wrong passwords in any 150 s.
func (g *guarded) worst() (most int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, first := range g.wrong {
		n := 0
		for _, at := range g.wrong[i:] {
			if at.Sub(first) < budget.Window {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// note takes a wrong password.
func (g *guarded) note() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wrong = append(g.wrong, time.Now())
}

// fleet is apps that log in again and again, each from an address of its own, until
// stop is closed; it returns how often each got in.
func fleet(r *rig, first, apps int, every time.Duration, password string, stop <-chan struct{}) (in []atomic.Int64, done *sync.WaitGroup) {
	in, done = make([]atomic.Int64, apps), new(sync.WaitGroup)
	for i := range apps {
		done.Go(func() {
			for {
				conn, err := r.login(first+i, r.dsn("app", password, realpeer.Database, "sslmode=disable"), "SELECT 1")
				if err == nil {
					in[i].Add(1)
				}
				bye(conn)
				select {
				case <-stop:
					return
				case <-time.After(every):
				}
			}
		})
	}
	return in, done
}

// TestWrongFleet: 200 apps with a wrong password, beside five that have the right
// one and were in before: the breaker is never tripped, and the five get in all the
// time.
func TestWrongFleet(t *testing.T) {
	pooler := newGuarded(t)
	r := newRig(t, pooler.Addr())
	length := 5 * time.Second
	if soak() {
		length = time.Minute
	}
	stop := make(chan struct{})
	right, rightDone := fleet(r, 1000, 5, 500*time.Millisecond, "right", stop)
	until(t, "the right ones are in", func() bool { return gotIn(right) == 5 })
	_, wrongDone := fleet(r, 1, 200, time.Second, "wrong", stop)
	time.Sleep(length)
	close(stop)
	wrongDone.Wait()
	rightDone.Wait()
	if got := pooler.worst(); got > budget.Places || got < budget.Places-1 {
		t.Errorf("%d refused logins in 150s", got)
	}
	if !pooler.breaker.Until().IsZero() {
		t.Error("the breaker was tripped")
	}
	for i := range right {
		if got, want := right[i].Load(), int64(length/(500*time.Millisecond))/2; got < want {
			t.Errorf("right app %d got in %d times, want %d", i, got, want)
		}
	}
	if r.hurries.Load() == 0 {
		t.Error("the next probe was not brought forward")
	}
	s := r.Status()
	if s.Refused != uint64(pooler.worst()) || len(s.Held) == 0 || s.Results["budget"] == 0 || s.Results["held"] == 0 {
		t.Errorf("%+v", s)
	}
	if log := r.log.String(); !strings.Contains(log, "a login from "+s.Held[0].Client+" was refused") || strings.Contains(log, "wrong") {
		t.Errorf("log: %s", log)
	}
	t.Logf("in %v: %d refused logins at the pooler, %d connections told so; the right apps got in %d times",
		length, pooler.worst(), s.Results["budget"]+s.Results["held"], total(right))
}

func gotIn(in []atomic.Int64) (n int) {
	for i := range in {
		if in[i].Load() > 0 {
			n++
		}
	}
	return n
}

func total(in []atomic.Int64) (n int64) {
	for i := range in {
		n += in[i].Load()
	}
	return n
}

// TestRotationOfGoodApps: the password changes underneath 200 apps that were all in.
func TestRotationOfGoodApps(t *testing.T) {
	pooler := newGuarded(t)
	r := newRig(t, pooler.Addr())
	stop := make(chan struct{})
	in, done := fleet(r, 1, 200, 500*time.Millisecond, "right", stop)
	until(t, "all are in", func() bool { return gotIn(in) == 200 })
	pooler.accept("rotated")
	time.Sleep(3 * time.Second)
	close(stop)
	done.Wait()
	if got := pooler.worst(); got > budget.Places || !pooler.breaker.Until().IsZero() {
		t.Errorf("%d refused logins in 150s", got)
	}
}

// TestOneWrongAppAmongGoodOnes: it costs a place at a time, and newcomers get in.
func TestOneWrongAppAmongGoodOnes(t *testing.T) {
	pooler := newGuarded(t)
	r := newRig(t, pooler.Addr())
	stop := make(chan struct{})
	var wrong []*sync.WaitGroup
	for range 20 { // a pool of one address
		_, done := fleet(r, 1, 1, 100*time.Millisecond, "wrong", stop)
		wrong = append(wrong, done)
	}
	until(t, "a refused login", func() bool { return r.Status().Refused > 0 })
	right, rightDone := fleet(r, 100, 50, time.Second, "right", stop)
	until(t, "the newcomers are in", func() bool { return gotIn(right) == 50 })
	close(stop)
	for _, done := range append(wrong, rightDone) {
		done.Wait()
	}
	if got := pooler.worst(); got != 1 {
		t.Errorf("%d refused logins of one app within seconds", got)
	}
}

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
