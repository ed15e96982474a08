package probe

import (
	"io"
	"net"
	"strings"
	"testing"

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
