package probe

import (
	"net"
	"sync/atomic"

	"dragonfly.internal/sidecar/internal/classify"
)

// greetingConn keeps the first bytes that a peer sends, which tell a port of
// another protocol. pgconn asks for a single one when it has asked for TLS, so
// the first read is a longer one of our own.
type greetingConn struct {
	net.Conn
	kept    atomic.Pointer[[]byte] // read by another goroutine when the attempt is over
	pending []byte                 // read, and not yet handed on
}

func (c *greetingConn) Read(b []byte) (int, error) {
	if len(c.pending) > 0 {
		n := copy(b, c.pending)
		c.pending = c.pending[n:]
		return n, nil
	}
	kept := c.greeting()
	missing := classify.LongestGreeting - len(kept)
	if missing <= 0 || len(b) == 0 {
		return c.Conn.Read(b)
	}
	first := make([]byte, missing)
	n, err := c.Conn.Read(first)
	kept = append(kept[:len(kept):len(kept)], first[:n]...)
	c.kept.Store(&kept)
	handed := copy(b, first[:n])
	c.pending = first[handed:n]
	if len(c.pending) > 0 {
		err = nil // it comes again with the next read
	}
	return handed, err
}

// greeting is what has come so far. A nil connection, which was never opened,
// has none.
func (c *greetingConn) greeting() []byte {
	if c == nil {
		return nil
	}
	if kept := c.kept.Load(); kept != nil {
		return *kept
	}
	return nil
}
