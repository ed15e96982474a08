package proxy

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestWindowBetweenAcceptAndDial: the verdict changes at one look after another. The
// server sees no socket, and one that was opened just before hears nothing.
func TestWindowBetweenAcceptAndDial(t *testing.T) {
	pooler := upstream(t)
	r := newRig(t, pooler.Addr())
	var sockets []int
	for nth := 1; ; nth++ {
		r.verdict(machine.Ready, machine.ReasonOK, "")
		before := pooler.Counts()
		var looks atomic.Int64
		look := func() {
			if looks.Add(1) == int64(nth) {
				r.verdict(machine.Lockout, machine.ReasonLockout, machine.TriggerServerLoginRetry)
			}
		}
		r.looked.Store(&look)
		conn, err := r.login(1, r.dsn("app", "right", "db", "sslmode=disable"), "")
		r.looked.Store(nil)
		if err == nil { // it was through before the window opened
			bye(conn)
			break
		}
		refused, ok := errors.AsType[*pgconn.PgError](err)
		if ok && !strings.Contains(refused.Message, "Lockout backoff") {
			t.Fatalf("look %d: %v", nth, err)
		}
		after := pooler.Counts()
		if after.Passwords != before.Passwords || ok && after.Startups != before.Startups {
			t.Fatalf("look %d: a login in the window", nth)
		}
		if ok {
			sockets = append(sockets, after.Sockets-before.Sockets)
		}
	}
	const before = 3 // looks before the dial, or more when the proxy looks for other reasons
	if len(sockets) <= before {
		t.Fatalf("asked %d times only", len(sockets))
	}
	for i, n := range sockets {
		if n > 0 && i < before {
			t.Errorf("%v sockets in the window, look by look", sockets)
		}
	}
	if got := r.Status().Violations; got != 0 {
		t.Errorf("%d violations", got)
	}
}

// TestWindowDuringLogin: who has begun a login when the window opens does not end it
// inside, however it begins; what is open stays open.
func TestWindowDuringLogin(t *testing.T) {
	pooler := upstream(t)
	r := newRig(t, pooler.Addr())
	open, err := r.login(1, r.dsn("app", "right", "db", "sslmode=disable"), "SELECT 1")
	if err != nil {
		t.Fatal(err)
	}
	defer bye(open)
	text, err := (&pgproto3.StartupMessage{ProtocolVersion: 3 << 16, Parameters: map[string]string{"user": "app", "database": "db"}}).Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	startup := string(text)
	for first, rest := range map[string]string{
		"\x00": startup[1:], startup[:20]: startup[20:],
		"\x00\x00\x00\x08\x04\xd2\x16\x2f": startup, startup: "p\x00\x00\x00\x0apassw\x00",
	} {
		r.verdict(machine.Ready, machine.ReasonOK, "")
		before := pooler.Counts()
		conn, err := net.Dial("tcp", r.address())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, first)
		until(t, "the first bytes at the pooler", func() bool {
			n := pooler.Counts()
			return n.Sockets > before.Sockets && (first != startup || n.Startups > before.Startups)
		})
		r.verdict(machine.Lockout, machine.ReasonLockout, machine.TriggerCircuitBreaker)
		begun := pooler.Counts()
		io.WriteString(conn, rest)
		conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if text, err := io.ReadAll(conn); errors.Is(err, errTimeout(err)) {
			t.Errorf("%q: not ended, after %q", first, text)
		}
		if after := pooler.Counts(); after != begun {
			t.Errorf("%q: in the window came %+v after %+v", first, after, begun)
		}
	}
	if err := open.Exec(t.Context(), "SELECT 1").Close(); err != nil {
		t.Error(err)
	}
}

// TestWindowsComeAndGo: many clients, and windows that open while they dial. Once one
// is open, nothing new reaches the server until its end.
func TestWindowsComeAndGo(t *testing.T) {
	pooler := upstream(t)
	r := newRig(t, pooler.Addr())
	stop := make(chan struct{})
	_, done := fleet(r, 1, 30, time.Millisecond, "right", stop)
	for range 6 {
		r.verdict(machine.Ready, machine.ReasonOK, "")
		until(t, "logins", func() bool { return r.Status().Connections > 0 })
		r.verdict(machine.Lockout, machine.ReasonLockout, machine.TriggerCircuitBreaker)
		opened := time.Now()
		until(t, "refusals", func() bool { return time.Since(opened) > 500*time.Millisecond })
		for _, e := range pooler.Events() {
			if late := e.At.Sub(opened); late > 250*time.Millisecond && (e.Kind == poolersim.Socket || e.Kind == poolersim.Startup || e.Kind == poolersim.Password) {
				t.Fatalf("%s %v after a window opened", e.Kind, late)
			}
		}
	}
	close(stop)
	done.Wait()
	if got := r.Status().Violations; got != 0 {
		t.Errorf("%d violations", got)
	}
}
