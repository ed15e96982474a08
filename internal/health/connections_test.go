package health

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// serveMost answers with a handler on a listener that has that many places.
func serveMost(t *testing.T, most int, handler http.Handler) (address string, all *boundedListener) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	all = newBoundedListener(listener, most)
	server := newServer(handler, slog.New(slog.DiscardHandler))
	go server.Serve(all)
	t.Cleanup(func() { server.Close() })
	return listener.Addr().String(), all
}

// askOn sends one request on a connection and reads its answer.
func askOn(conn net.Conn, path string) (code int, err error) {
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	io.Copy(io.Discard, response.Body)
	return response.StatusCode, nil
}

// TestNewcomersAreLetIn: whoever holds all places, idle, silent or in the middle of a
// header, a newcomer is answered, and never more are open than there are places.
func TestNewcomersAreLetIn(t *testing.T) {
	for name, hold := range map[string]func(conn net.Conn){
		"idle":   func(conn net.Conn) { askOn(conn, "/health") },
		"silent": func(net.Conn) {},
		"header": func(conn net.Conn) { io.WriteString(conn, "GET /health HTTP/1.1\r\nX") },
		"unread": func(conn net.Conn) {
			io.WriteString(conn, strings.Repeat("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 200))
		},
	} {
		t.Run(name, func(t *testing.T) {
			const most = 16
			address, all := serveMost(t, most, at(readySince(time.Minute), ""))
			for range 5 * most {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				hold(conn)
			}
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if code, err := askOn(conn, "/health"); code != http.StatusOK {
				t.Errorf("/health: %d, %v", code, err)
			}
			all.mu.Lock()
			defer all.mu.Unlock()
			if len(all.open) > most {
				t.Errorf("%d connections are open", len(all.open))
			}
		})
	}
}

// TestGreediestGivesUp: a connection of somebody who has few outlives those of
// somebody who has many, however long it has been still.
func TestGreediestGivesUp(t *testing.T) {
	all := newBoundedListener(nil, 4)
	conns := func(address string, n int) (made []net.Conn) {
		for range n {
			ours, _ := net.Pipe()
			made = append(made, all.admit(namedConn{ours, address}))
		}
		return made
	}
	few := conns("10.0.0.1", 1)
	many := conns("10.0.0.2", 3)
	few = append(few, conns("10.0.0.3", 1)...)
	for _, conn := range few {
		if _, open := all.open[conn.(*boundedConn)]; !open {
			t.Errorf("%s was put out", conn.RemoteAddr())
		}
	}
	if _, open := all.open[many[0].(*boundedConn)]; open || len(all.open) != 4 || all.held["10.0.0.2"] != 2 {
		t.Errorf("%d open, held %v", len(all.open), all.held)
	}
}

type namedConn struct {
	net.Conn
	address string
}

func (c namedConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(c.address), Port: 1} }

// TestDeadlines: whoever is slow with a request, idle, or does not read is gone when
// his time is over, and nobody before.
func TestDeadlines(t *testing.T) {
	for name, c := range map[string]struct {
		send   string
		within time.Duration
	}{
		"nothing":        {"", readTimeout},
		"half a header":  {"GET /health HTTP/1.1\r\nX", readTimeout},
		"no body":        {"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", readTimeout},
		"idle":           {"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", idleTimeout},
		"second request": {"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /heal", readTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				listener := make(pipes)
				server := newServer(at(readySince(time.Minute), ""), slog.New(slog.DiscardHandler))
				go server.Serve(newBoundedListener(listener, 8))
				ours, theirs := net.Pipe()
				listener <- theirs
				begun := time.Now()
				go io.WriteString(ours, c.send)
				io.Copy(io.Discard, ours) // until the server hangs up
				if took := time.Since(begun); took < c.within || took > c.within+2*sweepEvery {
					t.Errorf("gone after %s, want %s", took, c.within)
				}
				server.Close()
				ours.Close()
			})
		})
	}
}

// pipes is a listener in a bubble.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestNoDescriptor: a listener without a descriptor for the newcomer makes room for it.
func TestNoDescriptor(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	listener := &scarce{give: theirs}
	all := newBoundedListener(listener, 8)
	held, _ := net.Pipe()
	first := all.admit(held)
	conn, err := all.Accept()
	if err != nil || conn == nil {
		t.Fatal(err)
	}
	if _, open := all.open[first.(*boundedConn)]; open || listener.asked != 2 {
		t.Errorf("asked %d times; the first is still open: %v", listener.asked, open)
	}
}

type scarce struct {
	net.Listener
	give  net.Conn
	asked int
}

func (s *scarce) Accept() (net.Conn, error) {
	if s.asked++; s.asked == 1 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return s.give, nil
}

// TestPlaces: there are fewer places than descriptors.
func TestPlaces(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if n := places(0); n > maxConnections || n > leastConnections && uint64(n) > limit.Cur-ownDescriptors {
		t.Errorf("%d places with %d descriptors", n, limit.Cur)
	}
}

// TestRecover: a page that fails is a 500 with a line in the log, and the connection
// stays of use.
func TestRecover(t *testing.T) {
	var log strings.Builder
	var broken atomic.Bool
	broken.Store(true)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if broken.Load() {
				panic("year 10000")
			}
		}), 0, slog.New(slog.NewTextHandler(&log, nil)))
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if code, err := askOn(conn, "/status"); code != http.StatusInternalServerError {
		t.Errorf("%d, %v", code, err)
	}
	broken.Store(false)
	if code, err := askOn(conn, "/status"); code != http.StatusOK {
		t.Errorf("%d, %v", code, err)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "year 10000") || !strings.Contains(log.String(), "path=/status") {
		t.Errorf("log: %s", &log)
	}
}
