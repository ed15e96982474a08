package probe

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestTrace: one login tells how far it came.
func TestTrace(t *testing.T) {
	for name, c := range map[string]struct {
		raw            string
		script         poolersim.Script
		reason         machine.Reason
		secure, routed bool
	}{
		"through":  {ownPooler, poolersim.Script{Auth: poolersim.SCRAM, Password: "pass-word-1"}, machine.ReasonOK, true, true},
		"trust":    {ownPooler, poolersim.Script{}, machine.ReasonOK, true, true},
		"plain":    {localDSN, poolersim.Script{Auth: poolersim.MD5, Password: "pass-word-1"}, machine.ReasonOK, false, true},
		"wrong":    {ownPooler, poolersim.Script{Auth: poolersim.SCRAM, Password: "another"}, machine.ReasonAuthFailed, true, true},
		"tenant":   {ownPooler, poolersim.Script{OnStartup: poolersim.TenantNotFound("app")}, machine.ReasonTenantNotFound, true, false},
		"no TLS":   {ownPooler, poolersim.Script{OnTLS: poolersim.Drop}, machine.ReasonNetwork, false, false},
		"doubtful": {strings.Replace(ownPooler, "require", "verify-full", 1), poolersim.Script{}, machine.ReasonTLS, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			pooler, err := poolersim.Listen()
			if err != nil {
				t.Fatal(err)
			}
			defer pooler.Close()
			c.script.TLS = serverTLS(t)
			pooler.Set(c.script)
			judged := judge(t, c.raw)
			p := New(judged, dsn.NewScrubber(c.raw, judged), Options{Lookup: addresses(pooler.Addr(), "10.0.0.2")})
			o, trace := p.Trace(t.Context(), permit(t, judged))
			if o.Reason != c.reason || len(trace.Addresses) != 2 || trace.Address != pooler.Addr() ||
				(trace.TLS == "TLS 1.3") != c.secure || trace.Routed != c.routed {
				t.Errorf("%s: %s: %+v", o.Reason, o.Message, trace)
			}
			if shown := strings.Join(trace.Names, " "); (c.secure || name == "doubtful") && (shown != "pooler.railway.internal" || len(trace.Chain) != 1) {
				t.Errorf("names %q, chain %q", shown, trace.Chain)
			}
			if n := pooler.Counts().Sockets; n != 1 {
				t.Errorf("%d sockets", n)
			}
		})
	}
}

// TestFarewell: when a pooler hangs up pgconn takes its leave in the background,
// which is no sign that it was asked for a password.
func TestFarewell(t *testing.T) {
	for first, routed := range map[byte]bool{'X': false, 'p': true, 'P': true} {
		ours, theirs := net.Pipe()
		go io.Copy(io.Discard, theirs)
		var w wire
		conn := &knockingConn{ours, &w, false}
		for _, message := range [][]byte{{0, 0, 0, 8}, {first, 0, 0, 0, 4}} {
			if _, err := conn.Write(message); err != nil {
				t.Fatal(err)
			}
		}
		if w.routed.Load() != routed {
			t.Errorf("%q: routed %v", first, w.routed.Load())
		}
		ours.Close()
		theirs.Close()
	}
}

// TestFirstWrite: what pgconn writes first after the network is set up is the
// startup message, whole and alone: that is what counts as a knock.
func TestFirstWrite(t *testing.T) {
	for name, raw := range map[string]string{"plain": localDSN, "TLS": ownPooler} {
		t.Run(name, func(t *testing.T) {
			pooler, err := poolersim.Listen()
			if err != nil {
				t.Fatal(err)
			}
			defer pooler.Close()
			pooler.Set(poolersim.Script{TLS: serverTLS(t)})
			config, err := New(judge(t, raw), dsn.NewScrubber(raw, judge(t, raw)), Options{}).config()
			if err != nil {
				t.Fatal(err)
			}
			config.LookupFunc = addresses(pooler.Addr())
			first := new(firstWrite)
			config.AfterNetConnect = func(ctx context.Context, _ *pgconn.Config, conn net.Conn) (net.Conn, error) {
				first.Conn = conn
				return first, nil
			}
			conn, err := pgconn.ConnectConfig(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			var startup pgproto3.StartupMessage
			if len(first.bytes) < 8 || int(binary.BigEndian.Uint32(first.bytes)) != len(first.bytes) {
				t.Fatalf("the first Write was %q", first.bytes)
			}
			if err := startup.Decode(first.bytes[4:]); err != nil || startup.Parameters["user"] != config.User {
				t.Errorf("the first Write was %q: %v", first.bytes, err)
			}
		})
	}
}

// firstWrite keeps what was written first.
type firstWrite struct {
	net.Conn
	bytes []byte
}

func (c *firstWrite) Write(b []byte) (int, error) {
	if c.bytes == nil {
		c.bytes = bytes.Clone(b)
	}
	return c.Conn.Write(b)
}

// TestEmptyWrite: to write nothing is no knock and asks for nothing.
func TestEmptyWrite(t *testing.T) {
	var w wire
	conn := &knockingConn{nil, &w, true}
	for _, before := range []bool{false, true} {
		w.knocked.Store(before)
		if n, err := conn.Write(nil); n != 0 || err != nil || w.knocked.Load() != before || w.routed.Load() {
			t.Errorf("knocked %v: %d, %v, %v, %v", before, n, err, w.knocked.Load(), w.routed.Load())
		}
	}
}
