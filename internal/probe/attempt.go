package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// attempt is what came of one address.
type attempt struct {
	step     machine.Step
	err      error // nil: the query was answered
	greeting []byte
	notice   *pgconn.Notice
	dialled  time.Time
	answered bool // the peer sent something or hung up: no other address is asked
	knocked  bool // a startup message went out
	trace    Trace
}

// errOneDial refuses pgconn's second socket, which it would open for a cancel
// request when a query runs out of time.
var errOneDial = errors.New("one permit opens one connection")

// attempt connects to one address and runs the query. It has an equal share of
// the remaining time; once the peer has answered no other address will be asked,
// and it may use all of it.
func (p *Prober) attempt(ctx context.Context, config *pgconn.Config, address string, left int) attempt {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a := attempt{step: machine.StepDial, dialled: time.Now()}
	wire := wire{limit: p.maxBytes}
	defer wire.close()

	if deadline, ok := ctx.Deadline(); ok && left > 1 {
		share := time.AfterFunc(time.Until(deadline)/time.Duration(left), func() {
			if !wire.answered.Load() {
				cancel(context.DeadlineExceeded)
			}
		})
		defer share.Stop()
	}

	config = config.Copy()
	config.LookupFunc = func(context.Context, string) ([]string, error) { return []string{address}, nil }
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if !wire.dialled.CompareAndSwap(false, true) {
			return nil, errOneDial
		}
		conn, err := p.options.Dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		a.step, a.trace.Address = machine.StepTLS, address
		wire.first = &greetingConn{Conn: conn}
		wire.raw = &answeringConn{wire.first, &wire}
		return wire.raw, nil
	}
	config.AfterNetConnect = func(ctx context.Context, _ *pgconn.Config, conn net.Conn) (net.Conn, error) {
		if secure, ok := conn.(*tls.Conn); ok {
			err := secure.HandshakeContext(ctx)
			a.trace.shake(secure.ConnectionState(), err)
			if err != nil {
				return conn, err
			}
		}
		a.step = machine.StepStartup
		return &knockingConn{conn, &wire, p.mute}, nil
	}
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { a.notice = notice }

	a.err = p.ask(ctx, config, &a.step)
	if errors.Is(a.err, context.Canceled) && context.Cause(ctx) == context.DeadlineExceeded {
		a.err = fmt.Errorf("%s did not answer: %w", address, context.DeadlineExceeded)
	}
	a.greeting = wire.first.greeting()
	if flood, refused := wire.flood(), (*pgconn.PgError)(nil); flood != nil && a.err != nil && !errors.As(a.err, &refused) {
		a.err = flood // of which pgconn and TLS leave out the words
	}
	a.answered, a.knocked, a.trace.Routed = wire.answered.Load(), wire.knocked.Load(), wire.routed.Load()
	return a
}

// ask logs in and runs the query; readiness needs one, since a pooler may take
// the login without any server behind it (docs/facts.md#pgbouncer-warm-pool).
func (p *Prober) ask(ctx context.Context, config *pgconn.Config, step *machine.Step) error {
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	*step = machine.StepQuery
	defer conn.Close(ctx)
	return p.query(ctx, conn)
}

// query asks something on a connection that is logged in. An unnamed statement is
// safe through transaction pooling, and unlike the simple protocol it keeps the
// error of a broken connection (docs/facts.md#unnamed-statement).
type query func(ctx context.Context, conn *pgconn.PgConn) error

// selectOne is the query of a probe.
func selectOne(ctx context.Context, conn *pgconn.PgConn) error {
	one := false
	err := firstRows(conn.ExecParams(ctx, "SELECT 1", nil, nil, nil, nil), 1, func(row [][]byte) error {
		one = len(row) == 1 && string(row[0]) == "1"
		return nil
	})
	if err == nil && !one {
		err = errors.New("SELECT 1 did not return 1")
	}
	return err
}

// wire watches one socket from its opening to its end.
type wire struct {
	raw      net.Conn
	first    *greetingConn // nil: nothing was opened
	limit    int64         // how much the peer may send
	received atomic.Int64  // what it has sent
	dialled  atomic.Bool
	answered atomic.Bool
	knocked  atomic.Bool
	routed   atomic.Bool // the peer let us say more than the startup message
}

// close ends the socket at once, also one that pgconn still holds for a cancel
// request of its own.
func (w *wire) close() {
	if w.raw != nil {
		w.raw.Close()
	}
}

// flood is the end of a connection whose peer sent too much, nil where it did not.
func (w *wire) flood() error {
	if w.received.Load() <= w.limit {
		return nil
	}
	return &FloodError{w.limit}
}

// answeringConn notes when the peer says something or hangs up, and reads no more
// once it has said too much.
type answeringConn struct {
	net.Conn
	wire *wire
}

func (c *answeringConn) Read(b []byte) (int, error) {
	if flood := c.wire.flood(); flood != nil {
		return 0, flood
	}
	n, err := c.Conn.Read(b)
	c.wire.received.Add(int64(n))
	if n > 0 || hungUp(err) {
		c.wire.answered.Store(true)
	}
	return n, err
}

func (c *answeringConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if hungUp(err) {
		c.wire.answered.Store(true)
	}
	return n, err
}

// hungUp reports whether the peer, and not our own clock, ended the connection.
func hungUp(err error) bool {
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, net.ErrClosed)
}

// errMute keeps a knock from saying more than its startup message.
var errMute = errors.New("a knock says nothing after its startup message")

// terminate is the type byte of the message with which a client takes its leave.
const terminate = 'X'

// knockingConn notes when the startup message, the first thing pgconn writes
// after the network is set up, has gone out, and when there is more to say: the
// answer to the request for a password, or a query where none is asked for. A
// mute one does not say it.
type knockingConn struct {
	net.Conn
	wire *wire
	mute bool
}

func (c *knockingConn) Write(b []byte) (int, error) {
	if len(b) == 0 { // says nothing
		return 0, nil
	}
	if c.wire.knocked.Load() {
		if b[0] != terminate { // pgconn's farewell to a peer that has hung up asks for nothing
			c.wire.routed.Store(true)
		}
		if c.mute {
			return 0, errMute
		}
	}
	n, err := c.Conn.Write(b)
	if err == nil {
		c.wire.knocked.Store(true)
	}
	return n, err
}
