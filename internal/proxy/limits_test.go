package proxy

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestOpenStaysOpen: a door that closes ends no connection, and lets no other in.
func TestOpenStaysOpen(t *testing.T) {
	pooler := upstream(t)
	r := newRig(t, pooler.Addr())
	dsn := r.dsn("app", "right", "db", "sslmode=disable")
	conn, err := r.login(1, dsn, "SELECT 1")
	if err != nil {
		t.Fatal(err)
	}
	defer bye(conn)
	r.verdict(machine.Lockout, machine.ReasonLockout, machine.TriggerCircuitBreaker)
	if _, err := r.login(1, dsn, ""); err == nil {
		t.Error("got in")
	}
	if err := conn.Exec(t.Context(), "SELECT 1").Close(); err != nil {
		t.Error(err)
	}
	if s := r.Status(); s.Connections != 1 || s.Open {
		t.Errorf("%+v", s)
	}
}

// TestTooMany: beyond the most, clients are told so, and a place that becomes free
// is used.
func TestTooMany(t *testing.T) {
	pooler := upstream(t)
	r := newRig(t, pooler.Addr(), func(o *Options) { o.Max = 2 })
	dsn := r.dsn("app", "right", "db", "sslmode=disable")
	var open []*pgconn.PgConn
	for range 2 {
		conn, err := r.login(1, dsn, "SELECT 1")
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	defer bye(open[1])
	if _, err := r.login(1, dsn, ""); err == nil || !strings.Contains(err.Error(), "53300") {
		t.Errorf("%v", err)
	}
	bye(open[0])
	until(t, "a place", func() bool {
		conn, err := r.login(1, dsn, "SELECT 1")
		bye(conn)
		return err == nil
	})
}

// TestDrain: told to end, the proxy takes nobody new, and closes what is open after
// the drain.
func TestDrain(t *testing.T) {
	pooler := upstream(t)
	r := newRig(t, pooler.Addr(), func(o *Options) { o.Drain = 500 * time.Millisecond })
	dsn := r.dsn("app", "right", "db", "sslmode=disable")
	conn, err := r.login(1, dsn, "SELECT 1")
	if err != nil {
		t.Fatal(err)
	}
	defer bye(conn)
	silent, err := net.Dial("tcp", r.address())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	begun := time.Now()
	r.stop()
	until(t, "a closed port", func() bool { _, err := r.login(2, dsn, ""); return err != nil })
	if err := conn.Exec(t.Context(), "SELECT 1").Close(); err != nil {
		t.Errorf("during the drain: %v", err)
	}
	<-r.served
	if took := time.Since(begun); took < 500*time.Millisecond || took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if err := conn.Exec(t.Context(), "SELECT 1").Close(); err == nil {
		t.Error("still open after the drain")
	}
}

// TestLoop: a proxy whose database is itself says so, and opens no second connection.
func TestLoop(t *testing.T) {
	r := newRig(t, "127.0.0.1:1")
	address := r.address()
	r.to.Store(&address)
	until(t, "the listener is known", func() bool { return r.Proxy.port.Load() != 0 })
	if _, err := r.login(1, r.dsn("app", "right", "db", "sslmode=disable"), ""); err == nil || !strings.Contains(err.Error(), "leads to its own proxy") {
		t.Errorf("%v", err)
	}
	until(t, "it is quiet", func() bool { return r.slots.Load() == 0 })
	if s := r.Status(); s.Results["failed"] > 2 || s.Results["relayed"] != 0 {
		t.Errorf("%+v", s)
	}
}
