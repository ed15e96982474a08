package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// What a client may say first, beside a startup message.
const (
	sslRequest    = 80877103
	gssRequest    = 80877104
	cancelRequest = 80877102
	tlsHandshake  = 0x16 // the first byte of a client that begins with TLS

	maxStartup = 10_000 // PostgreSQL's own bound
)

// newTLS makes the certificate with which refusals are given: clients show the
// words only inside TLS (docs/facts.md#refusals-that-clients-show). No client
// believes it, and none has to.
func newTLS() (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, err
	}
	sheet := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "pooler sidecar: not the database"},
		NotBefore:    time.Now().Add(-24 * time.Hour),
		NotAfter:     time.Now().AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, sheet, sheet, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates:           []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		NextProtos:             []string{"postgresql"},
		MinVersion:             tls.VersionTLS12,
		SessionTicketsDisabled: true, // nobody comes back to this
	}, nil
}

// refuse answers a client in the server's place. first is what it has said.
func (p *Proxy) refuse(conn *net.TCPConn, first []byte, words *pgproto3.ErrorResponse) error {
	conn.SetDeadline(time.Now().Add(silence))
	var peer net.Conn = &begun{conn, first}
	for range 4 { // each of the two requests once, and TLS
		code, err := p.greet(&peer)
		if err != nil {
			return err
		}
		switch code {
		case cancelRequest:
			return nil // never gets an answer
		case sslRequest, gssRequest, tlsHandshake:
			continue
		}
		text, err := words.Encode(nil)
		if err != nil {
			return err
		}
		if _, err := peer.Write(text); err != nil {
			return err
		}
		return farewell(conn, peer)
	}
	return errors.New("no startup message")
}

// greet reads one of the messages that come before a login, and answers those that
// ask for encryption; peer becomes the encrypted connection.
func (p *Proxy) greet(peer *net.Conn) (code uint32, err error) {
	var head [8]byte
	if _, err := io.ReadFull(*peer, head[:1]); err != nil {
		return 0, err
	}
	_, secure := (*peer).(*tls.Conn)
	if head[0] == tlsHandshake && !secure {
		return tlsHandshake, p.encrypt(peer, head[:1])
	}
	if _, err := io.ReadFull(*peer, head[1:]); err != nil {
		return 0, err
	}
	length, code := binary.BigEndian.Uint32(head[:4]), binary.BigEndian.Uint32(head[4:])
	if length < 8 || length > maxStartup {
		return 0, fmt.Errorf("a startup message of %d bytes", length)
	}
	if _, err := io.CopyN(io.Discard, *peer, int64(length-8)); err != nil {
		return 0, err
	}
	switch {
	case code == gssRequest, code == sslRequest && secure:
		_, err = (*peer).Write([]byte("N"))
	case code == sslRequest:
		if _, err = (*peer).Write([]byte("S")); err == nil {
			err = p.encrypt(peer, nil)
		}
	}
	return code, err
}

// encrypt goes over to TLS; first is what was read of it.
func (p *Proxy) encrypt(peer *net.Conn, first []byte) error {
	secure := tls.Server(&begun{*peer, first}, p.tls)
	*peer = secure
	return secure.Handshake()
}

// farewell ends a connection so that the client reads what was said last: closing
// while something of the client's is unread would take it back.
func farewell(conn *net.TCPConn, peer net.Conn) error {
	if secure, ok := peer.(*tls.Conn); ok {
		secure.CloseWrite()
	}
	conn.CloseWrite()
	conn.SetReadDeadline(time.Now().Add(time.Second))
	_, err := io.Copy(io.Discard, io.LimitReader(conn, maxStartup))
	return err
}

// begun is a connection of which the first bytes have been read.
type begun struct {
	net.Conn
	first []byte
}

func (b *begun) Read(to []byte) (int, error) {
	if len(b.first) > 0 {
		n := copy(to, b.first)
		b.first = b.first[n:]
		return n, nil
	}
	return b.Conn.Read(to)
}
