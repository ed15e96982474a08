package poolersim_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"dragonfly.internal/sidecar/internal/poolersim"
)

// points are scripts with the act at each point in turn.
func points(t *testing.T, act poolersim.Act) map[string]poolersim.Script {
	return map[string]poolersim.Script{
		"accept":           {OnAccept: act},
		"tls":              {OnTLS: act, TLS: certificate(t)},
		"startup":          {OnStartup: act},
		"startup over tls": {OnStartup: act, TLS: certificate(t)},
		"password":         {OnPassword: act, Auth: poolersim.Cleartext},
		"scram password":   {OnPassword: act, Auth: poolersim.SCRAM},
		"wrong password":   {OnWrong: act, Auth: poolersim.MD5, Password: "right"},
		"query":            {OnQuery: act},
		"query over tls":   {OnQuery: act, TLS: certificate(t)},
	}
}

// A hang lasts exactly until the client's deadline, and ends with the client.
func TestHang(t *testing.T) {
	for name, script := range points(t, poolersim.Hang) {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(p *peer) {
				p.Set(script)
				start := time.Now()
				if err := p.look(""); !errors.Is(err, context.DeadlineExceeded) {
					p.Errorf("got %v, want a timeout", err)
				}
				if took := time.Since(start); took != patience {
					p.Errorf("took %v, want %v", took, patience)
				}
				synctest.Wait()
				// A second socket is only ever pgconn's own CancelRequest, after a query.
				if got := p.Counts(); got.Sockets > 2 || got.Sockets == 2 && got.Cancels != 1 {
					p.Errorf("counted %+v", got)
				}
			})
		})
	}
}

func TestHangOverLoopback(t *testing.T) {
	for name, script := range points(t, poolersim.Hang) {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they all wait in real time
			srv, err := poolersim.Listen()
			if err != nil {
				t.Fatal(err)
			}
			defer srv.Close()
			srv.Set(script)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			conn, err := pgconn.Connect(ctx, srv.DSN("app", "", "appdb"))
			if err == nil {
				_, err = ask(ctx, conn, "SELECT 1")
				<-conn.CleanupDone()
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want a timeout", err)
			}
		})
	}
}

// Closing the server ends a hang whose client has all the time in the world.
func TestCloseEndsHang(t *testing.T) {
	for name, act := range map[string]poolersim.Act{"hang": poolersim.Hang, "slow": poolersim.Slow{By: time.Hour}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(p *peer) {
				p.Set(poolersim.Script{OnStartup: act})
				conn, err := p.Dial(p.Context(), "tcp", "db:5432")
				if err != nil {
					p.Fatal(err)
				}
				defer conn.Close()
				client := pgproto3.NewFrontend(conn, conn)
				client.Send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30})
				if err := client.Flush(); err != nil {
					p.Fatal(err)
				}
				synctest.Wait() // the act has begun
				start := time.Now()
				p.Close()
				if _, err := client.Receive(); !errors.Is(err, io.ErrUnexpectedEOF) {
					p.Errorf("got %v", err)
				}
				if took := time.Since(start); took != 0 {
					p.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestDropAndReset(t *testing.T) {
	for act, want := range map[poolersim.Silence]string{poolersim.Drop: "EOF", poolersim.Reset: "connection reset by peer"} {
		for name, script := range points(t, act) {
			t.Run(want+" at "+name, func(t *testing.T) {
				everywhere(t, func(p *peer) {
					p.Set(script)
					err := p.look("")
					switch {
					case err == nil:
						p.Error("no error")
					case name == "accept":
						// Whether the client was still writing or already reading is a race, as in life.
					case !p.loopback: // a pipe has no reset
						if !strings.Contains(err.Error(), "EOF") {
							p.Errorf("got %v, want EOF", err)
						}
					case act == poolersim.Reset && !errors.Is(err, syscall.ECONNRESET), !strings.Contains(err.Error(), want):
						p.Errorf("got %v, want %s", err, want)
					}
				})
			})
		}
	}
}

func TestNoticeBeforeTheEnd(t *testing.T) {
	for name, script := range points(t, poolersim.Notice{SQLState: "57P02", Message: "terminating connection because of crash of another server process"}) {
		switch name {
		case "accept", "tls", "scram password":
			continue // pgconn does not expect a notice there
		}
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(p *peer) {
				p.Set(script)
				var heard *pgconn.Notice
				conn, err := p.connect("", func(c *pgconn.Config) {
					c.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { heard = notice }
				})
				if err == nil {
					_, err = ask(p.Context(), conn, "SELECT 1")
					p.leave(conn)
				}
				if err == nil || !strings.Contains(err.Error(), "EOF") {
					p.Errorf("got %v, want EOF", err)
				}
				if heard == nil || heard.Severity != "WARNING" || heard.Code != "57P02" {
					p.Errorf("heard %+v", heard)
				}
			})
		})
	}
}

func TestOtherProtocols(t *testing.T) {
	everywhere(t, func(p *peer) {
		p.Set(poolersim.Script{OnStartup: poolersim.HTTP})
		if err := p.look(""); err == nil || !strings.Contains(err.Error(), "1414811691") {
			p.Errorf("HTTP: %v", err)
		}
		p.Set(poolersim.Script{OnStartup: poolersim.Raw("\x00\xff garbage \x01")})
		if err := p.look(""); err == nil {
			p.Error("garbage: no error")
		}
		p.Set(poolersim.Script{OnTLS: poolersim.HTTP, TLS: certificate(p.T)})
		if err := p.look(""); err == nil || !strings.Contains(err.Error(), "refused TLS") {
			p.Errorf("HTTP at TLS: %v", err)
		}
	})
}

func TestSlow(t *testing.T) {
	bubble(t, func(p *peer) {
		start := time.Now()
		p.Set(poolersim.Script{OnStartup: poolersim.Slow{By: patience / 2}})
		if err := p.look(""); err != nil {
			p.Error(err)
		}
		p.Set(poolersim.Script{OnQuery: poolersim.Slow{By: patience / 2, Then: poolersim.ServerLoginRetry}})
		wantRefusal(p, p.look(""), "FATAL", "08P01", poolersim.ServerLoginRetry.Message)
		if took := time.Since(start); took != patience {
			p.Errorf("took %v, want %v", took, patience)
		}
	})
}
