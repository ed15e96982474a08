package classify

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/classify/refusals"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// scene is one way to make pgconn fail for real: its types are its own, so no
// error of them can be built by hand.
type scene struct {
	says    string // the row of refusals.json, without what pgconn puts before it
	dsn     string // without user, host and port; those are the peer's
	host    string // 127.0.0.1 if empty
	serve   func(*testing.T, net.Conn)
	config  func(*testing.T, *pgconn.Config)
	closed  bool // by us, before the query
	patient bool // has no deadline: the peer ends it
}

// deadline is when a peer that says nothing is given up.
const deadline = 500 * time.Millisecond

// provoke fails as the row says, and makes sure that it did.
func provoke(t *testing.T, row refusals.Row) Failure {
	t.Helper()
	says := strings.TrimPrefix(row.GoError, "failed to connect to `user=app database=appdb`:")
	says = strings.TrimPrefix(says, " 127.0.0.1:PORT (127.0.0.1): ")
	says = strings.TrimPrefix(says, " ")
	if strings.HasPrefix(row.Message, "(SASL final)") {
		says = wrongPassword.says // what Go makes of those bytes
	}
	for _, s := range scenes {
		if s.says != says {
			continue
		}
		f := s.play(t)
		if got, want := steady(f.Err.Error()), steady(row.GoError); want != "" && got != want {
			t.Fatalf("provoked %q\n    want %q", got, want)
		}
		return f
	}
	t.Fatalf("no scene for %q", row.GoError)
	return Failure{}
}

var ports = regexp.MustCompile(`((?:\d{1,3}\.){3}\d{1,3}|\]|localhost):\d+`)

// steady replaces what differs from run to run.
func steady(text string) string {
	text = regexp.MustCompile(`(open |sslrootcert=)/\S*/nofile`).ReplaceAllString(text, "${1}DIR/nofile")
	return ports.ReplaceAllString(text, "${1}:PORT")
}

// play connects and asks, against a peer on loopback.
func (s scene) play(t *testing.T) (f Failure) {
	t.Helper()
	host := s.host
	if host == "" {
		host = "127.0.0.1"
	}
	dsn := "postgres://app:secret@" + net.JoinHostPort(host, s.listen(t)) + "/appdb?" + strings.ReplaceAll(s.dsn, "DIR", t.TempDir())
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return Failure{Err: err, Step: machine.StepDial}
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { f.Notice = n }
	config.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }
	if s.config != nil {
		s.config(t, config)
	}
	dial, first := config.DialFunc, new(firstBytes)
	defer func() { f.Greeting = first.kept() }()
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return greeted{conn, first}, err
	}
	ctx := t.Context()
	if !s.patient {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, deadline)
		defer cancel()
	}
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		f.Err, f.Step = err, machine.StepStartup
		return f
	}
	if s.closed {
		conn.Close(ctx)
	}
	f.Err, f.Step = conn.ExecParams(ctx, "SELECT 1", nil, nil, nil, nil).Read().Err, machine.StepQuery
	conn.Close(ctx)
	return f
}

// listen starts the peer and returns its port; without one the port is closed.
func (s scene) listen(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	if s.serve == nil {
		listener.Close()
		return port
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				s.serve(t, conn)
			}()
		}
	}()
	return port
}

// greeted keeps the first bytes that come, as the prober does. pgconn's read of
// a single byte is left as it is.
type greeted struct {
	net.Conn
	first *firstBytes
}

func (g greeted) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	g.first.keep(b[:n])
	return n, err
}

// firstBytes may be added to while they are read: pgconn reads in the background.
type firstBytes struct {
	mu    sync.Mutex
	bytes []byte
}

func (f *firstBytes) keep(more []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bytes = append(f.bytes, more[:min(len(more), LongestGreeting-len(f.bytes))]...)
}

func (f *firstBytes) kept() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.bytes)
}

// The network's faults that no peer on loopback can cause come from the dialer
// and the resolver, in the types of package net.

func nameless(_ *testing.T, config *pgconn.Config) {
	config.LookupFunc = func(context.Context, string) ([]string, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "no-such-host.invalid", Server: "10.255.255.53:53", IsNotFound: true}
	}
}

func unrouted(_ *testing.T, config *pgconn.Config) {
	config.DialFunc = func(_ context.Context, network, address string) (net.Conn, error) {
		to, err := net.ResolveTCPAddr(network, address)
		return nil, errors.Join(err, &net.OpError{Op: "dial", Net: network, Addr: to, Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)})
	}
}

// dropped dials as if the SYN got lost: nothing comes back before the context ends.
func dropped(_ *testing.T, config *pgconn.Config) {
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		<-ctx.Done()
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}

// hasty gives up before the context does.
func hasty(_ *testing.T, config *pgconn.Config) {
	config.DialFunc = (&net.Dialer{Timeout: time.Nanosecond}).DialContext
}

func silent(_ *testing.T, conn net.Conn) { io.Copy(io.Discard, conn) }

// answers hears one message and says this.
func answers(reply string) func(*testing.T, net.Conn) {
	return func(_ *testing.T, conn net.Conn) {
		conn.Read(make([]byte, 1024))
		io.WriteString(conn, reply)
	}
}

// resets hears one message and breaks the connection off.
func resets(_ *testing.T, conn net.Conn) {
	conn.Read(make([]byte, 1024))
	conn.(*net.TCPConn).SetLinger(0)
}
