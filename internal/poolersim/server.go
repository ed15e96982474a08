package poolersim

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// nowhere stands for the address of a server without a listener: reserved, so
// that a client which forgot its DialFunc is refused.
const nowhere = "127.0.0.1:1"

// Server is a simulated pooler. The zero value is healthy, has no listener, and
// serves [Server.Dial] and [Server.Handle]; in a synctest bubble make it inside.
// Its methods may be called at any time from any goroutine.
type Server struct {
	script   atomic.Pointer[Script]
	ledger   ledger
	listener net.Listener // nil: only Dial and Handle

	mu       sync.Mutex
	sessions map[*session]struct{}
	accepted int
	closed   bool
	running  sync.WaitGroup // the accept loop and every session
}

// Listen starts a healthy pooler on a free port of 127.0.0.1.
func Listen() (*Server, error) { return ListenOn("127.0.0.1:0") }

// ListenOn starts a healthy pooler on a TCP address, such as 127.0.0.2 with the
// port of another one: two addresses of one host. It fails when the address is taken.
func ListenOn(addr string) (*Server, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	srv := &Server{listener: listener}
	srv.running.Go(srv.accept)
	return srv, nil
}

// Set gives the script for connections accepted from now on; those already open keep theirs.
func (srv *Server) Set(script Script) { srv.script.Store(&script) }

// Addr is the host:port that the server listens on; without a listener, one where nobody does.
func (srv *Server) Addr() string {
	if srv.listener == nil {
		return nowhere
	}
	return srv.listener.Addr().String()
}

// Port is the port of Addr.
func (srv *Server) Port() int {
	if srv.listener == nil {
		return 1
	}
	return srv.listener.Addr().(*net.TCPAddr).Port
}

// DSN is a postgresql:// URL of the server, with every reserved character
// encoded, and sslmode require or disable as the present script has TLS or not.
func (srv *Server) DSN(user, password, db string) string {
	sslmode := "disable"
	if srv.present().TLS != nil {
		sslmode = "require"
	}
	return fmt.Sprintf("postgresql://%s:%s@%s/%s?sslmode=%s", encode(user), encode(password), srv.Addr(), encode(db), sslmode)
}

// encode keeps only unreserved characters: QueryEscape does, but for the space.
func encode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// Dial connects over a net.Pipe, whatever the address: a DialFunc for pgconn. It
// fails like a TCP connect to a closed port once the server is closed, and with
// the context's error when that is done.
func (srv *Server) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	near, far := net.Pipe()
	s := srv.admit(far)
	if s == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	go s.run()
	return near, nil
}

// Handle serves one connection, such as an end of a net.Pipe, and returns when it
// is over. A closed server closes it at once.
func (srv *Server) Handle(conn net.Conn) {
	if s := srv.admit(conn); s != nil {
		s.run()
	}
}

// Close stops listening, closes every connection and waits until all is quiet.
// Closing again does nothing; the counts stay readable.
func (srv *Server) Close() {
	srv.mu.Lock()
	srv.closed = true
	if srv.listener != nil {
		_ = srv.listener.Close() // fails only when closed before
	}
	for s := range srv.sessions {
		s.end()
	}
	srv.mu.Unlock()
	srv.running.Wait()
}

// accept hands on connections until the listener is closed.
func (srv *Server) accept() {
	for {
		conn, err := srv.listener.Accept()
		if err != nil {
			return
		}
		if s := srv.admit(conn); s != nil {
			go s.run()
		}
	}
}

// admit makes a session of a connection and counts it, or closes it and returns
// nil when the server is closed. The session has to be run.
func (srv *Server) admit(conn net.Conn) *session {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.closed {
		_ = conn.Close()
		return nil
	}
	srv.accepted++
	s := newSession(srv, srv.accepted, conn, srv.present())
	if srv.sessions == nil {
		srv.sessions = make(map[*session]struct{})
	}
	srv.sessions[s] = struct{}{}
	srv.running.Add(1)
	s.note(Socket, nil)
	return s
}

// leave is a session's last word.
func (srv *Server) leave(s *session) {
	srv.mu.Lock()
	delete(srv.sessions, s)
	srv.mu.Unlock()
	srv.running.Done()
}

// cancel ends the session with this number, if there is one.
func (srv *Server) cancel(number int) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	for s := range srv.sessions {
		if s.number == number {
			s.end()
		}
	}
}

// present is the script for the next connection.
func (srv *Server) present() Script {
	if script := srv.script.Load(); script != nil {
		return *script
	}
	return Script{}
}
