package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// realWorld is a PgBouncer with a sidecar and a fleet of apps.
type realWorld struct {
	guard    string // what is between the apps and PgBouncer
	pooler   *realpeer.PgBouncer
	s        *sidecar
	file     string // the sidecar's DSN
	address  string // where the apps dial
	password atomic.Pointer[string]
	in       atomic.Int64 // connections that are open
}

// TestAmplificationReal: a password changes underneath a fleet, at a real PgBouncer
// before PostgreSQL, with nobody between them, with /readyz, and with the proxy. Logins
// are counted in PgBouncer's log. AMPLIFICATION is a file for the table, of a minute
// in place of seconds: make bench-amplification.
func TestAmplificationReal(t *testing.T) {
	t.Parallel()
	const apps = 20
	file, length, pools := os.Getenv("AMPLIFICATION"), 4*time.Second, []int{1}
	if file != "" {
		length, pools = time.Minute, []int{1, 5}
	}
	var table strings.Builder
	table.WriteString("| connections of an app | between the app and PgBouncer | refused logins at PgBouncer | all in again after |\n|---|---|---|---|\n")
	for _, pool := range pools {
		pg := realpeer.StartPostgres(t, realpeer.PostgresConfig{})
		pg.CreateRole(t, "pooler", realPassword)
		worlds := []*realWorld{newRealWorld(t, pg, "nobody"), newRealWorld(t, pg, "`/readyz`"), newRealWorld(t, pg, "the proxy")}
		ctx, stop := context.WithCancel(t.Context())
		var fleet sync.WaitGroup
		for _, w := range worlds {
			for i := range apps * pool {
				fleet.Go(func() { w.app(ctx, i/pool) })
			}
		}
		all := func(w *realWorld) func() error {
			return func() error {
				if n := w.in.Load(); n != int64(apps*pool) {
					return fmt.Errorf("%s: %d in", w.guard, n)
				}
				return nil
			}
		}
		for _, w := range worlds {
			realpeer.Until(t, time.Minute, "all are in", all(w))
		}
		for _, w := range worlds {
			w.pooler.SetUser(t, "app", "new-horse-2")
			w.pooler.Admin(t, "KILL "+realpeer.Database)
			w.pooler.Admin(t, "RESUME "+realpeer.Database)
		}
		<-time.After(length) // it is the load of that time that is counted
		realpeer.Until(t, 30*time.Second, "each world has been refused", func() error {
			for _, w := range worlds {
				if w.pooler.Rejections("app") == 0 {
					return fmt.Errorf("%s: no refused login", w.guard)
				}
			}
			return nil
		})
		took := make([]time.Duration, len(worlds))
		var waiting sync.WaitGroup
		for i, w := range worlds {
			waiting.Go(func() {
				mended := time.Now()
				w.mend(t, "new-horse-2")
				realpeer.Until(t, time.Minute, "all are in again", all(w))
				took[i] = time.Since(mended)
			})
		}
		waiting.Wait()
		stop()
		fleet.Wait()
		refused := make(map[string]int)
		for i, w := range worlds {
			refused[w.guard] = w.pooler.Rejections("app")
			fmt.Fprintf(&table, "| %d | %s | %d | %.1f s |\n", pool, w.guard, refused[w.guard], took[i].Seconds())
		}
		if n := refused["the proxy"]; n == 0 || n >= 10 || refused["nobody"] < apps*pool || n > refused["`/readyz`"] {
			t.Errorf("%v refused logins", refused)
		}
	}
	t.Log("\n" + table.String())
	if file != "" {
		if err := os.WriteFile(file, []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func newRealWorld(t *testing.T, pg *realpeer.Postgres, guard string) *realWorld {
	t.Helper()
	w := &realWorld{guard: guard, file: filepath.Join(t.TempDir(), "dsn")}
	w.pooler = realpeer.StartPgBouncer(t, pg, realpeer.PgBouncerConfig{
		Users:    map[string]string{"app": "old-horse-1"},
		Server:   realpeer.Login{User: "pooler", Password: realPassword}, // which stays
		Settings: map[string]string{"max_client_conn": "500"},
	})
	w.mendApps("old-horse-1")
	w.address = w.pooler.Address()
	if guard == "nobody" {
		return w
	}
	put(t, w.file, w.pooler.DSN("app", "old-horse-1"), true)
	w.s = startSidecar(t, "DATABASE_URL_FILE="+w.file, "SIDECAR_PROXY_PORT=0", "SIDECAR_PROBE_INTERVAL=5s")
	w.s.await(machine.Ready, 20*time.Second)
	if guard == "the proxy" {
		w.address = w.s.proxyAddress()
	}
	return w
}

func (w *realWorld) mendApps(password string) { w.password.Store(&password) }

// mend gives everybody the right password.
func (w *realWorld) mend(t *testing.T, password string) {
	if w.s != nil {
		put(t, w.file, w.pooler.DSN("app", password), true)
	}
	w.mendApps(password)
}

// app keeps a connection from its own address, asks something every second, and tries
// again a second after each failure.
func (w *realWorld) app(ctx context.Context, n int) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var conn *pgconn.PgConn
	for {
		if conn == nil {
			conn = w.login(ctx, n)
		}
		if conn != nil {
			if conn.Exec(ctx, "SELECT 1").Close() != nil {
				conn = nil
				w.in.Add(-1)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if conn != nil {
				conn.Close(context.Background())
			}
			return
		}
	}
}

// login is one try; nil: it came to nothing.
func (w *realWorld) login(ctx context.Context, n int) *pgconn.PgConn {
	if w.guard == "`/readyz`" {
		if r, err := (health.Client{URL: w.s.url}).Readiness(ctx); err != nil || !r.Ready {
			return nil
		}
	}
	config, err := pgconn.ParseConfig("postgresql://app:" + *w.password.Load() + "@" + w.address + "/" + realpeer.Database + "?sslmode=disable")
	if err != nil {
		return nil
	}
	config.DialFunc = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 2, byte(n+1))}}).DialContext
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil
	}
	w.in.Add(1)
	return conn
}
