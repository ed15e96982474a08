package probe

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// login is everything that a server says to a client that it lets in.
var login = poolersim.Wire(&pgproto3.AuthenticationOk{}, &pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte("four")}, &pgproto3.ReadyForQuery{TxStatus: 'I'})

// hostile are the ways in which a server sends more than it was asked for.
var hostile = map[string]poolersim.Script{
	"endless rows":            {OnQuery: poolersim.EndlessRows(60_000)},
	"endless small rows":      {OnQuery: poolersim.EndlessRows(1)},
	"endless notices":         {OnStartup: poolersim.EndlessNotices()},
	"endless query notices":   {OnQuery: poolersim.EndlessNotices()},
	"a 16 MB error":           {OnStartup: poolersim.LongError(16 << 20)},
	"a 1 MB error":            {OnQuery: poolersim.LongError(1 << 20)},
	"endless parameters":      {OnStartup: poolersim.Flood{Again: poolersim.Wire(&pgproto3.ParameterStatus{Name: "n", Value: strings.Repeat("v", 9000)})}},
	"a length of 2 GB":        {OnStartup: poolersim.Raw("E\x7f\xff\xff\xff" + strings.Repeat("x", 9000))},
	"endless SASL mechanisms": {OnStartup: poolersim.Flood{First: "R\x00\x00\xff\xff\x00\x00\x00\x0a", Again: strings.Repeat("SCRAM-X\x00", 1000)}},
	"a byte at a time":        {OnStartup: poolersim.Drip{Text: login + strings.Repeat(login, 8<<20/len(login))}},
}

// TestHostile: whatever a server sends, a probe and a look at the sessions end
// in time, take a bounded piece of it, and never say that all is well.
func TestHostile(t *testing.T) {
	for name, script := range hostile {
		t.Run(name, func(t *testing.T) {
			pooler, err := poolersim.Listen()
			if err != nil {
				t.Fatal(err)
			}
			defer pooler.Close()
			pooler.Set(script)
			raw := pooler.DSN("app", "pass-word-1", "appdb")
			judged := judge(t, raw)
			var read atomic.Int64
			options := Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, address)
				return &countingConn{conn, &read}, err
			}}
			prober := New(judged, dsn.NewScrubber(raw, judged), options)
			for what, c := range map[string]struct {
				prober *Prober
				limit  int64
			}{"probe": {prober, maxProbeBytes}, "sessions": {prober.WithSessions(new(Activity)), maxSessionBytes}} {
				read.Store(0)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				outcome, took := spend(t, c.prober)
				runtime.ReadMemStats(&after)
				if outcome.Reason != machine.ReasonUnknown && outcome.Reason != machine.ReasonConfigRejected && outcome.Reason != machine.ReasonTimeout || took > 4*time.Second {
					t.Errorf("%s: %q after %s: %s", what, outcome.Reason, took, outcome.Message)
				}
				if n := read.Load(); n > c.limit+maxMessage {
					t.Errorf("%s: %d bytes were read, the limit is %d", what, n, c.limit)
				}
				// The simulated pooler allocates in this process as well.
				if grown := int64(after.Sys) - int64(before.Sys); grown > 64<<20 {
					t.Errorf("%s: memory grew by %d bytes", what, grown)
				}
			}
		})
	}
}

// countingConn counts what is read from a socket.
type countingConn struct {
	net.Conn
	read *atomic.Int64
}

func (c *countingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read.Add(int64(n))
	return n, err
}

// spend makes one probe of at most two seconds.
func spend(t *testing.T, prober *Prober) (machine.Outcome, time.Duration) {
	t.Helper()
	m := machine.New(machine.DefaultPolicy(), machine.Target{Key: "k"}, func() float64 { return 0 }, time.Now())
	permit, err := m.Admit(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	begun := time.Now()
	outcome := prober.Probe(ctx, permit)
	return outcome, time.Since(begun)
}

// TestSecondRow: one row is an answer, two are none, and the second is the last
// that is read.
func TestSecondRow(t *testing.T) {
	for rows, want := range map[int]machine.Reason{0: machine.ReasonUnknown, 1: machine.ReasonOK, 2: machine.ReasonUnknown, 3: machine.ReasonUnknown} {
		synctest.Test(t, func(t *testing.T) {
			table := poolersim.Table{Columns: []string{"?column?"}}
			for range rows {
				table.Rows = append(table.Rows, []string{"1"})
			}
			w := watch(t, localDSN, poolersim.Script{Answer: func(string) (poolersim.Table, bool) { return table, true }}, Options{})
			if got := w.after(time.Millisecond).Attempt; got.Reason != want {
				t.Errorf("%d rows: %s: %s", rows, got.Reason, got.Message)
			}
		})
	}
}

// TestOwnFault: a fault of our own keeps the verdict, is counted and told as ours,
// and is tried again soon.
func TestOwnFault(t *testing.T) {
	faults := map[string]error{
		"descriptors":           &net.OpError{Op: "dial", Err: os.NewSyscallError("socket", syscall.EMFILE)},
		"the system's":          &net.OpError{Op: "dial", Err: os.NewSyscallError("socket", syscall.ENFILE)},
		"memory":                &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENOMEM)},
		"buffers":               &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENOBUFS)},
		"the resolver's":        &net.DNSError{Err: "dial udp 10.0.0.2:53: socket: " + syscall.EMFILE.Error(), Name: "localhost"},
		"one of two, the other": errors.Join(syscall.ECONNREFUSED, syscall.EMFILE),
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var broken atomic.Bool
				var pooler poolersim.Server
				defer pooler.Close()
				w := watch(t, localDSN, poolersim.Script{}, Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
					if broken.Load() {
						return nil, fault
					}
					return pooler.Dial(ctx, network, address)
				}})
				pooler.Set(poolersim.Script{})
				if s := w.after(time.Second); !s.Ready() {
					t.Fatalf("%+v", s.Attempt)
				}
				broken.Store(true)
				s := w.after(10 * time.Minute)
				if !s.Ready() || s.Failures != 0 || s.Attempt.Reason != machine.ReasonOK {
					t.Errorf("state %s after faults of our own: %+v", s.State, s.Attempt)
				}
				if s.LocalFaults < 100 || s.LocalFault.Message == "" || time.Since(s.LocalFault.At) > 5*time.Second {
					t.Errorf("%d local faults, the last %+v", s.LocalFaults, s.LocalFault)
				}
				if !strings.Contains(w.log.String(), "a fault of our own") {
					t.Errorf("log: %s", w.log)
				}
				broken.Store(false)
				if last := s.Attempt.At; !w.after(time.Minute).Attempt.At.After(last) {
					t.Error("no probe after the fault")
				}
			})
		})
	}
}

// TestOwnFaultOfRoots: a certificate file that cannot be opened for want of a
// descriptor is no refused configuration.
func TestOwnFaultOfRoots(t *testing.T) {
	if err := ownFault(fmt.Errorf("sslrootcert: %w", &os.PathError{Op: "open", Path: "/roots.pem", Err: syscall.EMFILE})); err == nil {
		t.Error("EMFILE is taken for the file's")
	}
	_, missing := readRoots(filepath.Join(t.TempDir(), "none.pem"))
	if err := ownFault(missing); missing == nil || err != nil {
		t.Errorf("a missing file is taken for our own fault: %v", err)
	}
	if err := ownFault(x509.UnknownAuthorityError{}); err != nil {
		t.Error(err)
	}
}
