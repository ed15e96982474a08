package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"dragonfly.internal/sidecar/internal/proxy/budget"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Options are what a proxy is given; all are required.
type Options struct {
	Snapshot func() *supervisor.Snapshot // the verdict; never blocks
	Upstream func() Upstream             // where connections go to now
	Hurry    func()                      // a login was refused: the next probe may come sooner; never blocks
	Max      int                         // connections at one time
	Drain    time.Duration               // what open connections get once the process is to end
	Log      *slog.Logger
}

// Proxy relays connections. Use [New].
type Proxy struct {
	options Options
	most    int // Max, or what the descriptors allow
	tls     *tls.Config
	dialer  net.Dialer
	gate    *gate
	counts  counts
	slots   atomic.Int64 // connections that are being served
	port    atomic.Int64 // of our own listener

	mu    sync.Mutex
	conns map[*net.TCPConn]struct{} // both ends, to be closed after the drain
	ended bool
	wait  sync.WaitGroup
}

// New returns a proxy that serves nothing yet.
func New(options Options) (*Proxy, error) {
	if !supported {
		return nil, errors.New("SIDECAR_PROXY_PORT: the proxy does not work on this system")
	}
	secure, err := newTLS()
	if err != nil {
		return nil, fmt.Errorf("make the proxy's certificate: %w", err)
	}
	p := &Proxy{options: options, tls: secure, conns: make(map[*net.TCPConn]struct{})}
	p.most = room(options.Max, options.Log)
	p.gate = &gate{
		budget: budget.New(),
		event:  p.refusedLogin,
		places: func() int {
			if p.options.Snapshot().Target.Shared {
				return budget.Shared
			}
			return budget.Places
		},
		open:   func() bool { return Open(p.options.Snapshot()) },
		counts: func() bool { s := p.options.Snapshot(); return s.Ready() || counted(s.Target) },
	}
	return p, nil
}

// refusers is how many connections beyond the most there may be, to be told so.
const refusers = 32

// Serve accepts connections until the context ends, then lets those that are open
// go on for the drain. It closes the listener.
func (p *Proxy) Serve(ctx context.Context, listener net.Listener) error {
	if address, ok := listener.Addr().(*net.TCPAddr); ok {
		p.port.Store(int64(address.Port))
	}
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	watching, unwatch := context.WithCancel(context.WithoutCancel(ctx))
	defer unwatch()
	go p.watch(watching)
	var pause time.Duration
	for {
		conn, err := listener.Accept()
		switch {
		case ctx.Err() != nil:
			if conn != nil {
				conn.Close()
			}
			p.drain()
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil: // no descriptor, most likely
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			time.Sleep(pause)
			continue
		}
		pause = 0
		p.begin(ctx, conn.(*net.TCPConn))
	}
}

// begin serves a connection, if there is room for it.
func (p *Proxy) begin(ctx context.Context, conn *net.TCPConn) {
	taken := p.slots.Add(1)
	if taken > int64(p.most+refusers) || !p.keep(conn) {
		p.slots.Add(-1)
		p.counts.add(Failed)
		conn.Close()
		return
	}
	p.wait.Go(func() {
		defer p.slots.Add(-1)
		defer p.drop(conn)
		if taken > int64(p.most) {
			p.counts.add(Failed)
			p.refuse(conn, nil, tooMany(p.most))
			return
		}
		p.serve(ctx, conn)
	})
}

// keep remembers a connection, so that it can be closed; false: it has to be closed
// now.
func (p *Proxy) keep(conn *net.TCPConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.conns[conn] = struct{}{}
	}
	return !p.ended
}

// drop closes a connection and forgets it.
func (p *Proxy) drop(conn *net.TCPConn) {
	p.mu.Lock()
	delete(p.conns, conn)
	p.mu.Unlock()
	conn.Close()
}

// drain waits until every connection has ended, and ends those that have not.
func (p *Proxy) drain() {
	if open := p.counts.open.Load(); open > 0 {
		p.options.Log.Info(fmt.Sprintf("the proxy takes no new connections; the %d that are open have %s", open, p.options.Drain))
	}
	cut := time.AfterFunc(p.options.Drain, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ended = true
		for conn := range p.conns {
			conn.Close()
		}
	})
	defer cut.Stop()
	p.wait.Wait()
}

// refusedLogin is told of every refused login, one at a time.
func (p *Proxy) refusedLogin(client netip.Addr, e budget.Event) {
	p.counts.refused.Add(1)
	p.options.Log.Warn(fmt.Sprintf("[DB Proxy] a login from %s was refused; it is held for %s. Other clients are not.",
		client, machine.Seconds(time.Until(e.Held))), "client", client.String(), "until", e.Held)
	p.options.Hurry()
}

// counted reports whether the pooler counts refused logins, whatever else is wrong
// with it at the time.
func counted(t machine.Target) bool { return t.Shared || t.DBHost }

// watchEvery is how often the verdict is looked at for what follows from a change.
const watchEvery = 100 * time.Millisecond

// watch forgives what was refused around an outage that is over: it was nobody's
// password, or everybody's, and the sidecar's own is taken again. Not on Supabase's
// hosts, which count every refused login, whatever we know.
func (p *Proxy) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var well time.Time // the last success before the outage; zero while there is none
	last := p.options.Snapshot()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s := p.options.Snapshot()
		switch {
		case s.Ready() && !well.IsZero():
			if !counted(s.Target) {
				p.gate.forgive(well)
			}
			well = time.Time{}
		case !s.Ready() && last.Ready():
			well = last.LastSuccess
		}
		last = s
	}
}
