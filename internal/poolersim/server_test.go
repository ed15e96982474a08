package poolersim_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/poolersim"
)

func TestZeroServerIsHealthy(t *testing.T) {
	everywhere(t, func(p *peer) {
		if err := p.look("whatever"); err != nil {
			p.Fatal(err)
		}
	})
}

func TestDSNSurvivesAnyPassword(t *testing.T) {
	srv := new(poolersim.Server)
	for _, password := range []string{"plain", "a b+c", "p@ss:w/rd?#", "100%25", "ünï"} {
		config, err := pgconn.ParseConfig(srv.DSN("postgres.ref", password, "app db"))
		if err != nil {
			t.Fatal(err)
		}
		got := []string{config.User, config.Password, config.Database, config.Host}
		if diff := cmp.Diff([]string{"postgres.ref", password, "app db", "127.0.0.1"}, got); diff != "" {
			t.Errorf("password %q (-want +got):\n%s", password, diff)
		}
	}
}

func TestTwoAddressesOnePort(t *testing.T) {
	first, err := poolersim.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := poolersim.ListenOn(fmt.Sprintf("127.0.0.2:%d", first.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := (&peer{Server: second, T: t, loopback: true}).look(""); err != nil {
		t.Fatal(err)
	}
	if got := first.Counts().Sockets; got != 0 {
		t.Errorf("the other address saw %d sockets", got)
	}
	if _, err := poolersim.ListenOn(first.Addr()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("taken address: %v", err)
	}
}

func TestCloseRefusesAndEndsEverything(t *testing.T) {
	everywhere(t, func(p *peer) {
		conn := p.login("")
		p.Close()
		if _, err := ask(p.Context(), conn, "SELECT 1"); err == nil {
			p.Error("a connection outlived its server")
		}
		if _, err := p.connect(""); !errors.Is(err, syscall.ECONNREFUSED) {
			p.Errorf("dialling a closed server: %v", err)
		}
		p.Close() // again
		p.leave(conn)
	})
}

func TestDialHonoursContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	srv := new(poolersim.Server)
	if _, err := srv.Dial(ctx, "tcp", "db:5432"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := srv.Counts(); got != (poolersim.Counts{}) {
		t.Errorf("counted %+v", got)
	}
}

func TestHandleServesOneEnd(t *testing.T) {
	bubble(t, func(p *peer) {
		p.dial = func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go p.Handle(far)
			return near, nil
		}
		if err := p.look(""); err != nil {
			p.Fatal(err)
		}
		p.Close()
		if err := p.look(""); err == nil {
			p.Error("a closed server served")
		}
	})
}

func TestSetLeavesOpenConnectionsAlone(t *testing.T) {
	everywhere(t, func(p *peer) {
		old := p.login("")
		defer p.leave(old)
		p.Set(poolersim.Script{OnStartup: poolersim.CircuitBreaker, OnQuery: poolersim.Drop})
		if _, err := ask(p.Context(), old, "SELECT 1"); err != nil {
			p.Errorf("open connection: %v", err)
		}
		wantRefusal(p, p.look(""), "FATAL", "XX000", poolersim.CircuitBreaker.Message)
	})
}

func TestChooseDecidesPerConnection(t *testing.T) {
	everywhere(t, func(p *peer) {
		p.Set(poolersim.Script{Choose: func(n int, params map[string]string) poolersim.Script {
			if n == 2 {
				return poolersim.Script{OnStartup: poolersim.TenantNotFound(params["user"])}
			}
			return poolersim.Script{}
		}})
		for n := 1; n <= 3; n++ {
			if err := p.look(""); (err != nil) != (n == 2) {
				p.Errorf("connection %d: %v", n, err)
			}
		}
	})
}

func TestCountsAndEvents(t *testing.T) {
	bubble(t, func(p *peer) {
		p.Set(poolersim.Script{Auth: poolersim.SCRAM, Password: "right"})
		for range 3 {
			if err := p.look("right"); err != nil {
				p.Fatal(err)
			}
			synctest.Wait()
		}
		_ = p.look("wrong")
		want := poolersim.Counts{Sockets: 4, Startups: 4, Passwords: 4, Queries: 3, Terminates: 3}
		if diff := cmp.Diff(want, p.Counts()); diff != "" {
			p.Errorf("counts (-want +got):\n%s", diff)
		}
		if params := p.Params(); len(params) != 4 || params[3]["user"] != "app" || params[3]["database"] != "appdb" {
			p.Errorf("startup parameters: %v", params)
		}
		var kinds []poolersim.Kind
		for _, event := range p.Events()[:5] {
			if event.Conn != 1 || event.At.IsZero() {
				p.Errorf("event %+v", event)
			}
			kinds = append(kinds, event.Kind)
		}
		story := []poolersim.Kind{poolersim.Socket, poolersim.Startup, poolersim.Password, poolersim.Query, poolersim.Terminate}
		if diff := cmp.Diff(story, kinds); diff != "" {
			p.Errorf("events (-want +got):\n%s", diff)
		}
	})
}
