package proxy

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// rig is a proxy before an upstream, with a verdict that the test sets.
type rig struct {
	*Proxy
	t        testing.TB
	port     string
	shared   atomic.Bool // it is a shared pooler
	to       atomic.Pointer[string]
	snapshot atomic.Pointer[supervisor.Snapshot]
	hurries  atomic.Int64
	looked   atomic.Pointer[func()] // called at each look at the verdict
	log      lockedBuffer
	stop     context.CancelFunc
	served   chan struct{}
}

func newRig(t testing.TB, upstream string, change ...func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, served: make(chan struct{})}
	r.to.Store(&upstream)
	r.verdict(machine.Ready, machine.ReasonOK, "")
	options := Options{
		Snapshot: func() *supervisor.Snapshot {
			if f := r.looked.Load(); f != nil {
				(*f)()
			}
			return r.snapshot.Load()
		},
		Upstream: func() Upstream { return Upstream{*r.to.Load(), r.target()} },
		Hurry:    func() { r.hurries.Add(1) },
		Max:      1000, Drain: time.Second,
		Log: slog.New(slog.NewTextHandler(&r.log, nil)),
	}
	for _, f := range change {
		f(&options)
	}
	p, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, r.port, _ = net.SplitHostPort(listener.Addr().String())
	r.Proxy = p
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	go func() { defer close(r.served); p.Serve(ctx, listener) }()
	t.Cleanup(func() { r.stop(); <-r.served })
	return r
}

func (r *rig) target() machine.Target {
	return machine.Target{Key: "k", Credential: "c", DSN: "d", Shared: r.shared.Load()}
}

// verdict changes what the sidecar says.
func (r *rig) verdict(state machine.State, reason machine.Reason, trigger machine.Trigger) {
	now := time.Now()
	s := &supervisor.Snapshot{Target: r.target()}
	s.State, s.Reason, s.Trigger, s.Since = state, reason, trigger, now
	if before := r.snapshot.Load(); before != nil {
		s.LastSuccess = before.LastSuccess
	}
	switch state {
	case machine.Lockout:
		s.Next = now.Add(15 * time.Minute)
	case machine.Ready:
		s.LastSuccess = now
	}
	r.snapshot.Store(s)
}

func (r *rig) address() string { return net.JoinHostPort("127.0.0.1", r.port) }

// dsn is that of the proxy for a client.
func (r *rig) dsn(user, password, database, options string) string {
	return fmt.Sprintf("postgresql://%s:%s@%s/%s?%s", user, password, r.address(), database, options)
}

// login is one login through the proxy from the n-th address of 127.0.0.0/8, and
// its query.
func (r *rig) login(n int, dsn, query string) (*pgconn.PgConn, error) {
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	config.Fallbacks = nil
	config.DialFunc = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: source(n)}}).DialContext
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err == nil && query != "" {
		err = conn.Exec(ctx, query).Close()
	}
	return conn, err
}

// source is the n-th address that a test's client may come from.
func source(n int) net.IP { return net.IPv4(127, 0, 1+byte(n>>8), byte(n)) }

// bye ends a connection.
func bye(conn *pgconn.PgConn) {
	if conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		conn.Close(ctx)
	}
}

// until polls for what has to come true within ten seconds.
func until(t testing.TB, what string, true func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !true(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never came: " + what)
		}
	}
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(text)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// soak reports whether a test may take minutes.
func soak() bool { return strings.TrimSpace(os.Getenv("SOAK")) != "" }
