package health

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// boundedListener is a listener whose connections never exceed a number, and whose
// deadlines cost next to nothing.
//
// A newcomer is always let in. When all places are taken, the address that has the
// most of them gives up the one that has been still for longest: nobody can keep
// others out by holding connections, and a descriptor is left for the probe.
//
// net/http sets four deadlines a request, and each moves a timer of the runtime. Here
// a deadline is a number, and one sweep a [sweepEvery] ends whoever has passed his.
type boundedListener struct {
	net.Listener
	most  int
	begun time.Time
	clock atomic.Int64 // nanoseconds since begun, at the last sweep

	mu       sync.Mutex
	open     map[*boundedConn]struct{}
	held     map[string]int // how many of them an address has
	sweeping bool
}

// sweepEvery is by how much a deadline may be late.
const sweepEvery = 250 * time.Millisecond

func newBoundedListener(listener net.Listener, most int) *boundedListener {
	return &boundedListener{Listener: listener, most: most, begun: time.Now(), open: make(map[*boundedConn]struct{}), held: make(map[string]int)}
}

// Accept implements net.Listener. Without a descriptor for a newcomer a place is made.
func (c *boundedListener) Accept() (net.Conn, error) {
	for {
		raw, err := c.Listener.Accept()
		if err == nil {
			return c.admit(raw), nil
		}
		if full := errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE); !full || !c.makeRoom(1) {
			return nil, err
		}
	}
}

func (c *boundedListener) admit(raw net.Conn) net.Conn {
	c.makeRoom(c.most)
	conn := &boundedConn{Conn: raw, all: c, address: host(raw.RemoteAddr())}
	now := int64(time.Since(c.begun))
	conn.moved.Store(now)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[conn] = struct{}{}
	c.held[conn.address]++
	if !c.sweeping {
		c.sweeping = true
		c.clock.Store(now)
		time.AfterFunc(sweepEvery, c.sweep)
	}
	return conn
}

// makeRoom closes one connection when at least so many are open.
func (c *boundedListener) makeRoom(full int) (made bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) < full {
		return false
	}
	greediest := 0
	for _, n := range c.held {
		greediest = max(greediest, n)
	}
	var still *boundedConn
	for conn := range c.open {
		if c.held[conn.address] == greediest && (still == nil || conn.moved.Load() < still.moved.Load()) {
			still = conn
		}
	}
	if still != nil {
		c.end(still)
	}
	return still != nil
}

// end closes a connection and frees its place. The lock is held.
func (c *boundedListener) end(conn *boundedConn) error {
	if _, open := c.open[conn]; open {
		delete(c.open, conn)
		if c.held[conn.address]--; c.held[conn.address] == 0 {
			delete(c.held, conn.address)
		}
	}
	return conn.Conn.Close()
}

// sweep ends connections that have passed their deadline, and comes again as long as
// there are any.
func (c *boundedListener) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := int64(time.Since(c.begun))
	c.clock.Store(now)
	for conn := range c.open {
		if conn.late(now) {
			c.end(conn)
		}
	}
	if c.sweeping = len(c.open) > 0; c.sweeping {
		time.AfterFunc(sweepEvery, c.sweep)
	}
}

// boundedConn is one of them.
type boundedConn struct {
	net.Conn
	all         *boundedListener
	address     string
	moved       atomic.Int64 // when it last was asked something or waited anew
	read, write atomic.Int64 // deadlines since the beginning; 0: none
	passed      atomic.Bool  // the socket itself has a deadline, which has passed
}

func (c *boundedConn) late(now int64) bool {
	read, write := c.read.Load(), c.write.Load()
	return read > 0 && read < now || write > 0 && write < now
}

// SetReadDeadline implements net.Conn. One that has passed already interrupts a read
// that is under way, which only the socket itself can do.
func (c *boundedConn) SetReadDeadline(t time.Time) error {
	if t.IsZero() {
		c.read.Store(0)
		if c.passed.CompareAndSwap(true, false) {
			return c.Conn.SetReadDeadline(t)
		}
		return nil
	}
	deadline := int64(t.Sub(c.all.begun))
	if now := c.all.clock.Load(); deadline > now {
		c.moved.Store(now)
		c.read.Store(deadline)
		if c.passed.CompareAndSwap(true, false) {
			return c.Conn.SetReadDeadline(time.Time{})
		}
		return nil
	}
	c.passed.Store(true)
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (c *boundedConn) SetWriteDeadline(t time.Time) error {
	deadline := int64(0)
	if !t.IsZero() {
		deadline = int64(t.Sub(c.all.begun))
	}
	c.write.Store(deadline)
	return nil
}

// SetDeadline implements net.Conn.
func (c *boundedConn) SetDeadline(t time.Time) error {
	c.SetWriteDeadline(t)
	return c.SetReadDeadline(t)
}

// Close implements net.Conn.
func (c *boundedConn) Close() error {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	return c.all.end(c)
}

// host is the address without its port.
func host(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.IP.String()
	}
	return a.String()
}
