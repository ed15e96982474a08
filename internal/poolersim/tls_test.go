package poolersim_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"dragonfly.internal/sidecar/internal/poolersim"
)

// certificate is a self-made one, valid for 127.0.0.1 at any time, a bubble's included.
func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Unix(0, 0),
		NotAfter:              time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}}}
}

func TestTLS(t *testing.T) {
	config := certificate(t)
	roots := x509.NewCertPool()
	roots.AddCert(config.Certificates[0].Leaf)
	verify := func(c *pgconn.Config) { c.TLSConfig = &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"} }

	everywhere(t, func(p *peer) {
		p.Set(poolersim.Script{TLS: config, Auth: poolersim.SCRAM, Password: "right"})
		start := time.Now()
		conn, err := p.connect("right", verify)
		if err != nil {
			p.Fatal(err)
		}
		if _, encrypted := conn.Conn().(*tls.Conn); !encrypted {
			p.Error("not encrypted")
		}
		if got, err := ask(p.Context(), conn, "SELECT 1"); got != "1" || err != nil {
			p.Errorf("got %q, %v", got, err)
		}
		p.leave(conn)
		wantRefusal(p, p.look("wrong"), "FATAL", "28P01", `password authentication failed for user "app"`)
		if took := time.Since(start); !p.loopback && took != 0 {
			p.Errorf("TLS over a pipe took %v", took)
		}
		_, err = p.connect("right", func(c *pgconn.Config) { c.TLSConfig = &tls.Config{RootCAs: roots, ServerName: "elsewhere"} })
		if err == nil || !strings.Contains(err.Error(), "x509") {
			p.Errorf("wrong name: %v", err)
		}
	})
}

func TestNoTLS(t *testing.T) {
	everywhere(t, func(p *peer) {
		_, err := p.connect("", func(c *pgconn.Config) { c.TLSConfig = &tls.Config{InsecureSkipVerify: true} })
		if err == nil || !strings.Contains(err.Error(), "server refused TLS connection") {
			p.Errorf("got %v", err)
		}
	})
}

// GSS encryption is declined, and the login goes on.
func TestGSSEncRequest(t *testing.T) {
	bubble(t, func(p *peer) {
		conn, err := p.Dial(p.Context(), "tcp", "")
		if err != nil {
			p.Fatal(err)
		}
		defer conn.Close()
		client := pgproto3.NewFrontend(conn, conn)
		client.Send(&pgproto3.GSSEncRequest{})
		if err := client.Flush(); err != nil {
			p.Fatal(err)
		}
		answer := make([]byte, 1)
		if _, err := conn.Read(answer); err != nil || answer[0] != 'N' {
			p.Fatalf("got %q, %v", answer, err)
		}
		client.Send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: map[string]string{"user": "app"}})
		if err := client.Flush(); err != nil {
			p.Fatal(err)
		}
		if msg, err := client.Receive(); err != nil {
			p.Errorf("got %T, %v", msg, err)
		}
	})
}
