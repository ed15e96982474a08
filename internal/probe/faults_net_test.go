package probe

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// dialler counts on our side where the peer cannot: what it opened, and what
// was said over it.
type dialler struct{ sockets, said atomic.Int32 }

func (d *dialler) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	d.sockets.Add(1)
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &saidConn{conn, &d.said}, nil
}

func (d *dialler) Sockets() int      { return int(d.sockets.Load()) }
func (d *dialler) Logins(string) int { return 0 }

// spoken is true once something more than now has been said.
func (d *dialler) spoken() func() error {
	before := d.said.Load()
	return func() error {
		if d.said.Load() == before {
			return errors.New("nothing was said")
		}
		return nil
	}
}

// saidConn counts what is written.
type saidConn struct {
	net.Conn
	said *atomic.Int32
}

func (c *saidConn) Write(b []byte) (int, error) {
	defer c.said.Add(1)
	return c.Conn.Write(b)
}

// Nobody listens on port 1. A refused address is no answer, so every one of the
// host's is asked, and none twice.
func TestFaultAddressRefused(t *testing.T) {
	t.Parallel()
	const raw = "postgresql://app:pass-word-1@pooler.railway.internal:1/appdb"
	d := new(dialler)
	a := ask(t, d, raw, Options{Dial: d.Dial, Lookup: addresses("127.0.0.1", "127.0.0.2")})
	refused := finding{
		reason: machine.ReasonNetwork, step: machine.StepDial, message: "dial tcp 127.0.0.1:1: connect: connection refused",
		state: machine.Retrying, next: 2 * time.Second,
	}
	a.finds(refused)
	a.cost(2, 0)
	refused.message, refused.next = "dial tcp 127.0.0.2:1: connect: connection refused", 4*time.Second // the other one is first
	a.finds(refused)
	a.cost(4, 0)
}

// TestFaultNameGone: Go's own resolver, and a name server on loopback with one
// answer for everything. Without an address nothing is dialled.
func TestFaultNameGone(t *testing.T) {
	t.Parallel()
	for rcode, words := range map[byte]string{3: "no such host", 2: "server misbehaving"} {
		d := new(dialler)
		a := ask(t, d, ownPooler, Options{Dial: d.Dial, Lookup: resolver(nameServer(t, rcode)).LookupHost})
		want := finding{
			reason: machine.ReasonNetwork, step: machine.StepDial, message: "lookup pooler.railway.internal",
			state: machine.Retrying, next: 2 * time.Second,
		}
		if got := a.finds(want); !strings.HasSuffix(got.message, words) {
			t.Errorf("%q, want %q at its end", got.message, words)
		}
		a.cost(0, 0)
	}
}

// TestFaultNameServerGone: one that is not there, and one that says nothing.
func TestFaultNameServerGone(t *testing.T) {
	t.Parallel()
	d := new(dialler)
	a := ask(t, d, ownPooler, Options{Dial: d.Dial, Lookup: resolver("127.0.0.1:1").LookupHost})
	want := finding{
		reason: machine.ReasonNetwork, step: machine.StepDial,
		state: machine.Retrying, next: 2 * time.Second,
	}
	if got := a.finds(want); !strings.Contains(got.message, "connection refused") {
		t.Error(got.message)
	}
	a.cost(0, 0)

	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	a = ask(t, d, ownPooler, Options{Dial: d.Dial, Lookup: resolver(silent.LocalAddr().String()).LookupHost})
	want.reason = machine.ReasonTimeout
	a.compare(a.probe(ctx), want)
	a.cost(0, 0)
}

// TestFaultNameGoneForTheSystem: the system's resolver, which may have no
// network, says what it likes about a name that cannot exist.
func TestFaultNameGoneForTheSystem(t *testing.T) {
	t.Parallel()
	d := new(dialler)
	a := ask(t, d, ownPooler, Options{Dial: d.Dial})
	a.prober.dsn.Host = "gone.invalid" // the guard would not let it pass
	ctx, cancel := context.WithTimeout(t.Context(), machine.DefaultPolicy().ProbeTimeout)
	defer cancel()
	got := a.probe(ctx)
	if got.reason != machine.ReasonNetwork && got.reason != machine.ReasonTimeout ||
		got.step != machine.StepDial || got.state != machine.Retrying || got.next != 2*time.Second {
		t.Errorf("found %+v", got)
	}
	a.cost(0, 0)
}

// resolver is Go's own, with this name server alone.
func resolver(server string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server)
	}}
}

// nameServer gives the same answer to every question.
func nameServer(t *testing.T, rcode byte) string {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		message := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(message)
			if err != nil {
				return
			}
			message[2] |= 0x80 // a response
			message[3] = rcode
			server.WriteTo(message[:n], from)
		}
	}()
	return server.LocalAddr().String()
}

// A half-open connection: the kernel of a peer that is gone has taken it, and
// nobody ever reads. It costs one probe's time at the first thing we ask.
func TestFaultHalfOpen(t *testing.T) {
	t.Parallel()
	for sslmode, step := range map[string]machine.Step{"disable": machine.StepStartup, "require": machine.StepTLS} {
		t.Run(sslmode, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			d := new(dialler)
			a := ask(t, d, "postgresql://app:pass-word-1@"+listener.Addr().String()+"/appdb?sslmode="+sslmode, Options{Dial: d.Dial})
			a.runsOut(d.spoken(), finding{
				reason: machine.ReasonTimeout, step: step, message: "no answer in time",
				state: machine.Retrying, next: 2 * time.Second,
			})
			a.cost(1, 0)
		})
	}
}

// PgBouncer refuses a login for each of these parameters, and the prober makes
// one with all of them in its DSN: nothing but the name of the application is
// sent.
func parametersAreNotSent(t *testing.T, pg *realpeer.Postgres) {
	pooler := bouncer(t, pg, nil)
	raw := pooler.DSN(appUser, appPassword)
	parameters := []string{
		"pgbouncer=true", "connection_limit=1", "supa=base-pooler.x",
		"statement_timeout=5000", "search_path=private", "options=-c%20geqo%3Doff",
	}
	for _, parameter := range parameters {
		_, err := pgconn.Connect(t.Context(), raw+"&"+parameter)
		if err == nil || !strings.Contains(err.Error(), "unsupported startup parameter") {
			t.Errorf("%s: %v", parameter, err)
		}
	}
	all := raw + "&" + strings.Join(parameters, "&")
	a := ask(t, pooler, all, Options{})
	a.finds(healthy)
	a.cost(1, 1)

	simulated := new(poolersim.Server)
	defer simulated.Close()
	b := ask(t, sim{simulated}, all, Options{Dial: simulated.Dial})
	b.finds(healthy)
	for name := range simulated.Params()[0] {
		if name != "user" && name != "database" && name != "application_name" {
			t.Errorf("%s is sent", name)
		}
	}
}
