package proxy

import (
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// attacks are what a client may say, and then leave lying; the sides that read and the
// ends come with each of them.
var attacks = map[string]string{
	"nothing":            "",
	"a byte":             "\x00",
	"half a request":     "\x00\x00\x00\x08\x04\xd2",
	"two gigabytes":      "\x7f\xff\xff\xff\x00\x03\x00\x00user\x00app\x00",
	"a negative length":  "\xff\xff\xff\xff\x00\x03\x00\x00",
	"no length":          "\x00\x00\x00\x00\x00\x00\x00\x00",
	"SSLRequest twice":   "\x00\x00\x00\x08\x04\xd2\x16\x2f\x00\x00\x00\x08\x04\xd2\x16\x2f",
	"GSS without end":    strings.Repeat("\x00\x00\x00\x08\x04\xd2\x16\x30", 1000),
	"words before TLS":   "\x00\x00\x00\x08\x04\xd2\x16\x2f\x00\x00\x00\x12\x00\x03\x00\x00user\x00app\x00\x00",
	"half a hello":       "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	"a hello of nothing": "\x16\x03\x01\x00\x00",
	"cancel":             "\x00\x00\x00\x10\x04\xd2\x16\x2e12345678",
	"HTTP":               "GET / HTTP/1.1\r\nHost: db\r\n\r\n",
	"a megabyte":         strings.Repeat("\x00\x00\x10\x00", 1<<18),
}

// TestAttacks: nothing that a client says or leaves unsaid is taken for a refused login,
// keeps a place of the budget, opens a socket in a window, or leaves a goroutine behind.
func TestAttacks(t *testing.T) {
	pooler := upstream(t)
	r := newRig(t, pooler.Addr())
	base := runtime.NumGoroutine() + 1 // of the proxy's own, which may not have begun
	for _, open := range []bool{true, false} {
		r.verdict(machine.Ready, machine.ReasonOK, "")
		if !open {
			r.verdict(machine.Lockout, machine.ReasonLockout, machine.TriggerCircuitBreaker)
		}
		sockets := pooler.Counts().Sockets
		var clients sync.WaitGroup
		for _, text := range attacks {
			for end := range 4 {
				clients.Go(func() { attack(t, r.address(), text, end) })
			}
		}
		clients.Wait()
		until(t, "nobody is served", func() bool { return r.slots.Load() == 0 && r.gate.budget.Out() == 0 })
		if got := pooler.Counts().Sockets - sockets; !open && got != 0 {
			t.Errorf("%d sockets in the window", got)
		}
		if s := r.Status(); s.Refused != 0 || s.Violations != 0 || len(s.Held) != 0 {
			t.Errorf("%+v", s)
		}
		until(t, "no goroutine more than before", func() bool { return runtime.NumGoroutine() <= base })
	}
	r.verdict(machine.Ready, machine.ReasonOK, "")
	conn, err := r.login(1, r.dsn("app", "right", "db", "sslmode=disable"), "SELECT 1")
	if err != nil {
		t.Errorf("afterwards: %v", err)
	}
	bye(conn)
}

// attack says something and ends: at once, by a reset, with its own side only, or after
// it has heard what comes within a moment.
func attack(t *testing.T, address, text string, end int) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	conn := c.(*net.TCPConn)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(500 * time.Millisecond))
	io.WriteString(conn, text)
	switch end {
	case 1:
		conn.SetLinger(0)
	case 2:
		conn.CloseWrite()
		io.Copy(io.Discard, conn)
	case 3:
		io.Copy(io.Discard, conn)
	}
}

// TestSlowClientsHoldNobodyUp: clients that stop in the middle of a startup message or
// of a handshake, at as many addresses as there are places, and one who knows what to say.
func TestSlowClientsHoldNobodyUp(t *testing.T) {
	r := newRig(t, upstream(t).Addr())
	for n := range 20 {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: source(n + 2)}}
		conn, err := dialer.Dial("tcp", r.address())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, []string{"\x00", "\x00\x00\x00\x08\x04\xd2\x16\x2f", "\x16\x03\x01\x02\x00"}[n%3])
	}
	begun := time.Now()
	conn, err := r.login(1, r.dsn("app", "right", "db", "sslmode=disable"), "SELECT 1")
	if err != nil || time.Since(begun) > 12*time.Second {
		t.Errorf("in after %v: %v", time.Since(begun), err)
	}
	bye(conn)
}

// TestRefusalsAreBounded: a client that asks for a refusal inside TLS and does not read
// on is gone after a while, and others are told meanwhile.
func TestRefusalsAreBounded(t *testing.T) {
	r := newRig(t, "127.0.0.1:1", func(o *Options) { o.Max = 50 })
	r.verdict(machine.Lockout, machine.ReasonLockout, machine.TriggerCircuitBreaker)
	for range 40 {
		conn, err := net.Dial("tcp", r.address())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"postgresql"}})
		if err := secure.Handshake(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.login(1, r.dsn("app", "right", "db", "sslmode=require"), ""); err == nil || !strings.Contains(err.Error(), "57P03") {
		t.Errorf("%v", err)
	}
	for end := time.Now().Add(silence + 5*time.Second); r.slots.Load() > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d are still served", r.slots.Load())
		}
	}
}
