package probe

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// FuzzWire lets a peer answer a startup message with anything, through the real
// pgconn. Whatever it says, the probe ends, makes one socket, gives a reason out
// of the closed set, and finds a lockout only where its words stand on the wire.
func FuzzWire(f *testing.F) {
	for _, message := range []string{
		"(ECIRCUITBREAKER) too many authentication failures, new connections are temporarily blocked",
		"server login has been failing, try again later (server_login_retry)", "query_wait_timeout", "sorry, too many clients already",
	} {
		wire, err := (&pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: message}).Encode(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
		f.Add(wire[:len(wire)-1])
		f.Add(append([]byte{'R', 0, 0, 0, 8, 0, 0, 0, 0, 'Z', 0, 0, 0, 5, 'I'}, wire...))
	}
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Add([]byte{'R', 0, 0, 0, 23, 0, 0, 0, 10, 'S', 'C', 'R', 'A', 'M', 0, 0})
	f.Add([]byte{'E', 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{'N', 0, 0, 0, 5, 0})
	report := dsn.Judge(localDSN, dsn.Rules{Env: dsn.Dev}, time.Now())
	var reasons []machine.Reason
	for _, rule := range machine.Rules {
		reasons = append(reasons, rule.Reason)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		pooler := new(poolersim.Server)
		defer pooler.Close()
		pooler.Set(poolersim.Script{OnStartup: poolersim.Raw(wire)})
		prober := New(report.DSN, dsn.NewScrubber(localDSN, report.DSN), Options{Dial: pooler.Dial, Lookup: addresses("10.0.0.1", "10.0.0.2")})
		m := machine.New(machine.DefaultPolicy(), target(report.DSN), rand.Float64, time.Now())
		permit, err := m.Admit(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		o := prober.Probe(ctx, permit)
		if !slices.Contains(reasons, o.Reason) || (o.Reason == machine.ReasonLockout) != (o.Trigger != "") {
			t.Errorf("reason %q, trigger %q", o.Reason, o.Trigger)
		}
		if o.Reason == machine.ReasonLockout && !slices.ContainsFunc(lockoutPhrases, func(p string) bool { return strings.Contains(string(wire), p) }) {
			t.Errorf("%q is no lockout: %s", wire, o.Message)
		}
		if c := pooler.Counts(); c.Sockets != 1 || c.Cancels != 0 {
			t.Errorf("%q led to %+v", wire, c)
		}
		if strings.ContainsFunc(o.Message, func(r rune) bool { return r < ' ' }) {
			t.Errorf("message %q", o.Message)
		}
	})
}

// lockoutPhrases are the words without which nothing is a lockout (docs/facts.md#whole-phrases).
var lockoutPhrases = []string{
	"server login has been failing", "pgbouncer cannot connect to server", "query_wait_timeout",
	"too many authentication failures", "Too many authentication errors",
}
