package poolersim_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/goleak"

	"dragonfly.internal/sidecar/internal/poolersim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a client waits for a pooler that hangs.
const patience = 200 * time.Millisecond

// peer is a pooler and a way to reach it.
type peer struct {
	*poolersim.Server
	*testing.T
	dial     pgconn.DialFunc // nil over loopback
	loopback bool
}

// everywhere runs a test over loopback and over net.Pipe in a bubble.
func everywhere(t *testing.T, test func(p *peer)) {
	t.Run("loopback", func(t *testing.T) {
		srv, err := poolersim.Listen()
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		test(&peer{Server: srv, T: t, loopback: true})
	})
	t.Run("bubble", func(t *testing.T) { bubble(t, test) })
}

// bubble runs a test over net.Pipe alone, where time is free.
func bubble(t *testing.T, test func(p *peer)) {
	synctest.Test(t, func(t *testing.T) {
		srv := new(poolersim.Server)
		defer srv.Close()
		test(&peer{Server: srv, T: t, dial: srv.Dial})
	})
}

// deadline bounds one step. Over loopback a busy machine must not look like a
// hanging pooler.
func (p *peer) deadline() (context.Context, context.CancelFunc) {
	if p.loopback {
		return context.WithTimeout(p.Context(), 10*time.Second)
	}
	return context.WithTimeout(p.Context(), patience)
}

// connect logs in, with one socket per call.
func (p *peer) connect(password string, options ...func(*pgconn.Config)) (*pgconn.PgConn, error) {
	p.Helper()
	config, err := pgconn.ParseConfig(p.DSN("app", password, "appdb"))
	if err != nil {
		p.Fatal(err)
	}
	if p.dial != nil {
		config.DialFunc = p.dial
	}
	for _, option := range options {
		option(config)
	}
	ctx, cancel := p.deadline()
	defer cancel()
	return pgconn.ConnectConfig(ctx, config)
}

// login connects, or the test is over.
func (p *peer) login(password string) *pgconn.PgConn {
	p.Helper()
	conn, err := p.connect(password)
	if err != nil {
		p.Fatal(err)
	}
	return conn
}

// ask runs SQL with the extended protocol.
func ask(ctx context.Context, conn *pgconn.PgConn, sql string) (string, error) {
	result := conn.ExecParams(ctx, sql, nil, nil, nil, nil).Read()
	if result.Err != nil {
		return "", result.Err
	}
	if len(result.Rows) == 0 {
		return "", nil
	}
	return string(result.Rows[0][0]), nil
}

// look is what a probe does: log in, ask SELECT 1, leave.
func (p *peer) look(password string) error {
	p.Helper()
	conn, err := p.connect(password)
	if err != nil {
		return err
	}
	defer p.leave(conn)
	ctx, cancel := p.deadline()
	defer cancel()
	_, err = ask(ctx, conn, "SELECT 1")
	return err
}

// leave closes a connection and everything behind it.
func (p *peer) leave(conn *pgconn.PgConn) {
	p.Helper()
	_ = conn.Close(p.Context()) // closed already when the pooler did it
	<-conn.CleanupDone()
}
