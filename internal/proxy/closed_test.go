package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestOpen: which verdicts let connections through.
func TestOpen(t *testing.T) {
	for _, c := range []struct {
		state  machine.State
		reason machine.Reason
		want   bool
	}{
		{machine.Ready, machine.ReasonOK, true},
		{machine.Starting, machine.ReasonStarting, false},
		{machine.Starting, machine.ReasonStoreLost, false},
		{machine.Lockout, machine.ReasonLockout, false},
		{machine.Rejected, machine.ReasonAuthFailed, false},
		{machine.Rejected, machine.ReasonConfigRejected, false},
		{machine.Misconfigured, machine.ReasonGuard, false},
		{machine.Retrying, machine.ReasonLockout, false},
		{machine.Retrying, machine.ReasonUnknown, false},
		{machine.Retrying, machine.ReasonUnavailable, true},
		{machine.Retrying, machine.ReasonSaturated, true},
		{machine.Retrying, machine.ReasonNetwork, true},
		{machine.Retrying, machine.ReasonTimeout, true},
		{machine.Retrying, machine.ReasonTLS, true},
	} {
		s := &supervisor.Snapshot{}
		s.State, s.Reason = c.state, c.reason
		if got := Open(s); got != c.want {
			t.Errorf("%s, %s: %v", c.state, c.reason, got)
		}
		if s.Stopping = true; Open(s) {
			t.Errorf("%s, %s: open while the process stops", c.state, c.reason)
		}
	}
}

// upstream is a simulated pooler that asks for a password.
func upstream(t testing.TB) *poolersim.Server {
	t.Helper()
	pooler, err := poolersim.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pooler.Close)
	pooler.Set(poolersim.Script{Auth: poolersim.SCRAM, Password: "right"})
	return pooler
}

// TestRefusal: the ways in which a client may begin, all of them answered alike.
func TestRefusal(t *testing.T) {
	r := newRig(t, "127.0.0.1:1")
	r.verdict(machine.Rejected, machine.ReasonAuthFailed, "")
	startup := func(t *testing.T, conn net.Conn) {
		t.Helper()
		f := pgproto3.NewFrontend(conn, conn)
		f.Send(&pgproto3.StartupMessage{ProtocolVersion: 3<<16 | 2, Parameters: map[string]string{"user": "app"}})
		if err := f.Flush(); err != nil {
			t.Fatal(err)
		}
		msg, err := f.Receive()
		if err != nil {
			t.Fatal(err)
		}
		words, ok := msg.(*pgproto3.ErrorResponse)
		if !ok || words.Severity != "FATAL" || words.Code != "57P03" || words.Detail != "reason: auth_failed" ||
			!strings.Contains(words.Message, "was rejected") || !strings.Contains(words.Hint, "Correct it in every service") {
			t.Errorf("%#v", msg)
		}
		if _, err := f.Receive(); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("not ended: %v", err)
		}
	}
	ask := func(t *testing.T, conn net.Conn, code uint32, want string) {
		t.Helper()
		conn.Write([]byte{0, 0, 0, 8, byte(code >> 24), byte(code >> 16), byte(code >> 8), byte(code)})
		answer := make([]byte, 1)
		if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != want {
			t.Fatalf("%q, %v", answer, err)
		}
	}
	secure := func(conn net.Conn, protocols ...string) *tls.Conn {
		return tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: protocols})
	}
	for name, dial := range map[string]func(*testing.T, net.Conn) net.Conn{
		"plain":      func(_ *testing.T, c net.Conn) net.Conn { return c },
		"SSLRequest": func(t *testing.T, c net.Conn) net.Conn { ask(t, c, sslRequest, "S"); return secure(c) },
		"GSS":        func(t *testing.T, c net.Conn) net.Conn { ask(t, c, gssRequest, "N"); return c },
		"GSS, then SSL": func(t *testing.T, c net.Conn) net.Conn {
			ask(t, c, gssRequest, "N")
			ask(t, c, sslRequest, "S")
			return secure(c, "postgresql")
		},
		"direct TLS":      func(_ *testing.T, c net.Conn) net.Conn { return secure(c, "postgresql") },
		"in small pieces": func(_ *testing.T, c net.Conn) net.Conn { return &dribble{c} },
		"SSL in pieces": func(t *testing.T, c net.Conn) net.Conn {
			ask(t, &dribble{c}, sslRequest, "S")
			return secure(&dribble{c})
		},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", r.address())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			peer := dial(t, conn)
			startup(t, peer)
			if s, ok := peer.(*tls.Conn); ok && name == "direct TLS" && s.ConnectionState().NegotiatedProtocol != "postgresql" {
				t.Errorf("ALPN %q", s.ConnectionState().NegotiatedProtocol)
			}
		})
	}
	for name, text := range map[string]string{
		"cancel":   "\x00\x00\x00\x10\x04\xd2\x16\x2e12345678",
		"too long": "\x7f\x00\x00\x00\x00\x03\x00\x00",
		"HTTP":     "GET / HTTP/1.1\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", r.address())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, text)
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		if answer, err := io.ReadAll(conn); len(answer) > 0 || errors.Is(err, errTimeout(err)) {
			t.Errorf("%s: %q, %v", name, answer, err)
		}
		conn.Close()
	}
}

// errTimeout is err when it is a timeout.
func errTimeout(err error) error {
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() {
		return err
	}
	return errors.New("no timeout")
}

// dribble writes one byte at a time.
type dribble struct{ net.Conn }

func (d *dribble) Write(text []byte) (int, error) {
	for i := range text {
		if _, err := d.Conn.Write(text[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(text), nil
}

// TestStartingWaits: a client that comes before the first verdict is held, and
// then let through or told; after five seconds it is told.
func TestStartingWaits(t *testing.T) {
	pooler := upstream(t)
	r := newRig(t, pooler.Addr())
	for _, c := range []struct {
		name string
		then func()
		want string
	}{
		{"ready", func() { r.verdict(machine.Ready, machine.ReasonOK, "") }, ""},
		{"lockout", func() { r.verdict(machine.Lockout, machine.ReasonLockout, machine.TriggerCircuitBreaker) }, "Lockout backoff"},
		{"nothing", func() {}, "The database has not answered yet"},
	} {
		r.verdict(machine.Starting, machine.ReasonStarting, "")
		before, sockets := time.Now(), pooler.Counts().Sockets
		done := make(chan error, 1)
		go func() {
			conn, err := r.login(1, r.dsn("app", "right", "db", "sslmode=disable"), "SELECT 1")
			bye(conn)
			done <- err
		}()
		select {
		case err := <-done:
			t.Fatalf("%s: did not wait: %v", c.name, err)
		case <-time.After(300 * time.Millisecond):
		}
		if pooler.Counts().Sockets != sockets {
			t.Fatalf("%s: dialled before the verdict", c.name)
		}
		c.then()
		if err := <-done; fmt.Sprint(err) != "<nil>" && c.want == "" || c.want != "" && !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if took := time.Since(before); c.name == "nothing" && (took < firstVerdict || took > firstVerdict+3*time.Second) {
			t.Errorf("%s took %v", c.name, took)
		}
	}
}
