package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"dragonfly.internal/sidecar/internal/proxy/budget"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

const (
	silence     = 15 * time.Second // a client that says nothing is gone after it
	dialTimeout = 10 * time.Second
)

var (
	errClosed = errors.New("the door has closed before the login")
	errLoop   = errors.New("the sidecar's own DATABASE_URL leads to its own proxy")
)

// serve serves one connection to its end.
func (p *Proxy) serve(ctx context.Context, conn *net.TCPConn) {
	hurry := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now().Add(time.Second)) }) // the process is to end
	defer hurry()
	buffer, n, err := firstBytes(conn)
	if err != nil {
		p.counts.add(Failed)
		return
	}
	login := p.gate.login(clientAddress(conn))
	defer login.over()
	server, result, words := p.connect(ctx, conn, login, n)
	p.counts.add(result)
	if server == nil {
		p.refuse(conn, (*buffer)[:n], words)
		buffers.Put(buffer)
		return
	}
	defer p.drop(server)
	if !hurry() {
		buffers.Put(buffer)
		return
	}
	p.counts.open.Add(1)
	defer p.counts.open.Add(-1)
	login.saw(budget.Client, n)
	_, err = server.Write((*buffer)[:n])
	buffers.Put(buffer)
	if err == nil {
		relay(conn, server, login)
	}
}

// firstBytes waits for what the client says first.
func firstBytes(conn *net.TCPConn) (*[]byte, int, error) {
	reader, err := newReader(conn)
	if err != nil {
		return nil, 0, err
	}
	conn.SetReadDeadline(time.Now().Add(silence))
	buffer, n, err := reader.read()
	conn.SetReadDeadline(time.Time{})
	return buffer, n, err
}

// connect dials the database when the verdict and the budget allow it; without a
// connection it says why not. n is the length of what the client said first.
func (p *Proxy) connect(ctx context.Context, conn *net.TCPConn, login *login, n int) (*net.TCPConn, Result, *pgproto3.ErrorResponse) {
	to, s, open := p.door(ctx)
	if open {
		answer := login.enter(n, func() bool { return ctx.Err() != nil || gone(conn) })
		switch answer.Admission {
		case budget.Pass:
		case budget.Held:
			return nil, Held, budgetWords(answer, time.Now())
		default:
			return nil, Budget, budgetWords(answer, time.Now())
		}
		server, err := p.dial(ctx, to)
		switch {
		case err == nil && p.keep(server):
			return server, Relayed, nil
		case err == nil:
			server.Close()
		case errors.Is(err, errLoop):
			return nil, Failed, loopWords()
		case !errors.Is(err, errClosed):
			return nil, Failed, unreachable()
		}
		s = p.options.Snapshot()
	}
	return nil, Closed, closedWords(s, time.Now())
}

// door waits until the verdict says something, for the first one at most so long.
func (p *Proxy) door(ctx context.Context) (Upstream, *supervisor.Snapshot, bool) {
	patience := time.NewTimer(firstVerdict)
	defer patience.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		to := p.options.Upstream()
		s, open := p.look(to)
		if open || !undecided(s, to) {
			return to, s, open
		}
		select {
		case <-look.C:
		case <-patience.C:
			return to, s, false
		case <-ctx.Done():
			return to, s, false
		}
	}
}

// dial opens the connection to the database. The verdict is asked again at each
// address, immediately before the socket connects, and a dial that is under way
// when the door closes is given up.
func (p *Proxy) dial(ctx context.Context, to Upstream) (*net.TCPConn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	dialled := time.Now()
	dialer := p.dialer
	dialer.FallbackDelay = -1 // one socket at a time
	dialer.ControlContext = func(context.Context, string, string, syscall.RawConn) error {
		dialled = time.Now()
		if _, open := p.look(to); !open {
			return errClosed
		}
		return nil
	}
	slow := time.AfterFunc(time.Millisecond*50, func() { p.guard(ctx, cancel, to) })
	defer slow.Stop()
	conn, err := dialer.DialContext(ctx, "tcp", to.Address)
	if err != nil {
		if _, open := p.look(to); !open {
			err = errClosed
		}
		return nil, err
	}
	s, open := p.look(to)
	if s.State == machine.Lockout && !dialled.Before(s.Since) {
		p.counts.violations.Add(1)
	}
	switch {
	case !open: // meanwhile, and nothing was said yet
		err = errClosed
	case p.isOurs(conn):
		err = errLoop
	default:
		return conn.(*net.TCPConn), nil
	}
	conn.Close()
	return nil, err
}

// isOurs reports whether a connection leads back to our own listener: each one would
// open another.
func (p *Proxy) isOurs(conn net.Conn) bool {
	near, far := conn.LocalAddr().(*net.TCPAddr), conn.RemoteAddr().(*net.TCPAddr)
	return far.Port == int(p.port.Load()) && near.IP.Equal(far.IP)
}

// guard gives a dial up as soon as the door closes: connect(2) goes on knocking by
// itself while nobody answers.
func (p *Proxy) guard(ctx context.Context, cancel context.CancelFunc, to Upstream) {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		if _, open := p.look(to); !open {
			cancel()
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// clientAddress is where a client comes from, without its port.
func clientAddress(conn *net.TCPConn) netip.Addr {
	remote, _ := conn.RemoteAddr().(*net.TCPAddr)
	if remote == nil {
		return netip.Addr{}
	}
	return remote.AddrPort().Addr().Unmap().WithZone("")
}

// gone reports whether the client has hung up, without reading what it has said.
func gone(conn *net.TCPConn) (hungUp bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Read(func(fd uintptr) bool { hungUp = hasEnded(fd); return true })
	return hungUp || err != nil
}
