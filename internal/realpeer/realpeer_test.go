package realpeer_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/realpeer"
)

const within = 10 * time.Second

// look makes one login and one query.
func look(t *testing.T, dsn string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return conn.ExecParams(ctx, "SELECT 1", nil, nil, nil, nil).Read().Err
}

// refused checks that err is what a server said, in these words.
func refused(t *testing.T, err error, words string) {
	t.Helper()
	if _, said := errors.AsType[*pgconn.PgError](err); !said || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want the server to say %q", err, words)
	}
}

// counts compares counters, by what they count.
func counts(t *testing.T, want map[string]int, got map[string]int) {
	t.Helper()
	for what, n := range want {
		if got[what] != n {
			t.Errorf("%s: %d, want %d", what, got[what], n)
		}
	}
}

func TestPostgresCountsAndRestarts(t *testing.T) {
	t.Parallel()
	pg := realpeer.StartPostgres(t, realpeer.PostgresConfig{})
	pg.CreateRole(t, "app", "it's")
	if err := look(t, pg.DSN("app", "it's")); err != nil {
		t.Fatal(err)
	}
	refused(t, look(t, pg.DSN("app", "wrong")), "28P01")

	pg.Stop(t, realpeer.Fast)
	if err := look(t, pg.DSN("app", "it's")); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("stopped: %v", err)
	}
	pg.Start(t)
	pg.SetPassword(t, "app", "new")
	if err := look(t, pg.DSN("app", "new")); err != nil {
		t.Error(err)
	}
	counts(t,
		map[string]int{"sockets": 3, "logins": 2, "rejections": 1},
		map[string]int{"sockets": pg.Sockets(), "logins": pg.Logins("app"), "rejections": pg.Rejections("app")})
}

func TestPgBouncerCountsAndRestarts(t *testing.T) {
	t.Parallel()
	pg := realpeer.StartPostgres(t, realpeer.PostgresConfig{})
	pg.CreateRole(t, "app", `say "it's"`)
	pooler := realpeer.StartPgBouncer(t, pg, realpeer.PgBouncerConfig{
		Users: map[string]string{"app": `say "it's"`},
	})
	right := pooler.DSN("app", `say "it's"`)
	for range 2 {
		if err := look(t, right); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, look(t, pooler.DSN("app", "wrong")), "SASL authentication failed")

	pooler.Stop(t)
	if err := look(t, right); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("stopped: %v", err)
	}
	pooler.Start(t)
	if err := look(t, right); err != nil {
		t.Error(err)
	}
	counts(t,
		map[string]int{"sockets": 4, "logins": 4, "server logins": 2, "server sockets": 2},
		map[string]int{
			"sockets": pooler.Sockets(), "logins": pooler.Logins("app"),
			"server logins": pg.Logins("app"), "server sockets": pg.Sockets(),
		})
}

// A socket that never says a word is counted too.
func TestPgBouncerCountsSilentSockets(t *testing.T) {
	t.Parallel()
	pooler := realpeer.StartPgBouncer(t, realpeer.StartPostgres(t, realpeer.PostgresConfig{}), realpeer.PgBouncerConfig{})
	conn, err := net.Dial("tcp", pooler.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	realpeer.Until(t, within, "the socket is counted", func() error {
		if n := pooler.Sockets(); n != 1 {
			return fmt.Errorf("%d sockets", n)
		}
		return nil
	})
}

// The story that the rule of 20 seconds is for, cut short: clients are let in,
// but PgBouncer's own password is wrong.
func TestWrongServerPassword(t *testing.T) {
	t.Parallel()
	pg := realpeer.StartPostgres(t, realpeer.PostgresConfig{})
	pg.CreateRole(t, "owner", "right")
	pooler := realpeer.StartPgBouncer(t, pg, realpeer.PgBouncerConfig{
		Users:    map[string]string{"app": "mine"},
		Server:   realpeer.Login{User: "owner", Password: "right"},
		Settings: map[string]string{"server_login_retry": "1", "query_wait_timeout": "1"},
	})
	dsn := pooler.DSN("app", "mine")
	if err := look(t, dsn); err != nil {
		t.Fatal(err)
	}
	pooler.SetServer(t, realpeer.Login{User: "owner", Password: "wrong"})
	if err := look(t, dsn); err != nil {
		t.Errorf("the pooled connection did not go on: %v", err)
	}
	pg.Disconnect(t, "owner")
	realpeer.Until(t, within, "the pooler speaks of a failed login", func() error {
		if err := look(t, dsn); err == nil || !strings.Contains(err.Error(), "server_login_retry") {
			return fmt.Errorf("got %w", err)
		}
		return nil
	})
	if pg.Rejections("owner") == 0 {
		t.Error("PostgreSQL rejected nobody")
	}
	pooler.SetServer(t, realpeer.Login{User: "owner", Password: "right"})
	realpeer.Until(t, within, "all is well again", func() error { return look(t, dsn) })
}

func TestPauseAndSet(t *testing.T) {
	t.Parallel()
	pg := realpeer.StartPostgres(t, realpeer.PostgresConfig{})
	pg.CreateRole(t, "app", "pw")
	pooler := realpeer.StartPgBouncer(t, pg, realpeer.PgBouncerConfig{Users: map[string]string{"app": "pw"}})
	dsn := pooler.DSN("app", "pw")
	if err := look(t, dsn); err != nil {
		t.Fatal(err)
	}
	pooler.Set(t, "query_wait_timeout", "1")
	pooler.Admin(t, "PAUSE "+realpeer.Database)
	refused(t, look(t, dsn), "query_wait_timeout")
	pooler.Admin(t, "RESUME "+realpeer.Database)
	if err := look(t, dsn); err != nil {
		t.Error(err)
	}
	if n := pg.Sessions(t, "app"); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
	pg.Disconnect(t, "app")
}

func TestTLS(t *testing.T) {
	t.Parallel()
	ca := realpeer.NewCA(t)
	certificate := ca.Issue(t, realpeer.Host)
	pg := realpeer.StartPostgres(t, realpeer.PostgresConfig{TLS: certificate})
	pg.CreateRole(t, "app", "pw")
	pooler := realpeer.StartPgBouncer(t, pg, realpeer.PgBouncerConfig{
		Users: map[string]string{"app": "pw"},
		TLS:   certificate,
	})
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, ca.PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, plain := range []string{pg.DSN("app", "pw"), pooler.DSN("app", "pw")} {
		if err := look(t, strings.Replace(plain, "sslmode=disable", "sslmode=verify-full&sslrootcert="+authority, 1)); err != nil {
			t.Error(err)
		}
	}
	refused(t, look(t, pooler.DSN("app", "pw")), "SSL required")
}
