package classify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net"
	"strings"
	"testing"

	"dragonfly.internal/sidecar/internal/poolersim"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// scenes are the rows of refusals.json in which no error response came.
var scenes = []scene{
	{
		says: "failed SASL auth: channel binding required but server does not support SCRAM-SHA-256-PLUS",
		dsn:  "sslmode=disable&channel_binding=require", serve: asks(&pgproto3.AuthenticationSASL{AuthMechanisms: []string{"SCRAM-SHA-256"}}),
	},
	{
		says: `require_auth check failed: authentication method requirement "scram-sha-256" failed: server requested password authentication`,
		dsn:  "sslmode=disable&require_auth=scram-sha-256", serve: asks(&pgproto3.AuthenticationCleartextPassword{}),
	},
	{
		says: "timeout: context deadline exceeded",
		dsn:  "sslmode=disable", serve: ready(silent),
	},
	{
		says: "failed to receive message: timeout: context deadline exceeded",
		dsn:  "sslmode=disable", serve: silent,
	},
	{
		says: "conn closed",
		dsn:  "sslmode=disable", serve: ready(silent), closed: true, patient: true,
	},
	{
		says: "dial error: dial tcp 127.0.0.1:PORT: connect: connection refused",
		dsn:  "sslmode=disable",
	},
	{
		says: "tls error: server refused TLS connection",
		dsn:  "sslmode=require", serve: answers("N"), patient: true,
	},
	{
		says: "127.0.0.1:PORT (localhost): failed to write startup message: write failed: tls: failed to verify certificate: x509: certificate signed by unknown authority",
		dsn:  "sslmode=verify-full", host: "localhost", serve: secures(tls.NoClientCert, "localhost"), config: trustsNobody, patient: true,
	},
	{
		says: "127.0.0.1:PORT (localhost): failed to write startup message: write failed: x509: certificate signed by unknown authority",
		dsn:  "sslmode=verify-ca", host: "localhost", serve: secures(tls.NoClientCert, "localhost"), config: trustsNobody, patient: true,
	},
	{
		says: "cannot parse `postgres://app:xxxxx@localhost:PORT/appdb?sslmode=verify-full&sslrootcert=DIR/nofile.crt`: failed to configure TLS (unable to read CA file: open DIR/nofile.crt: no such file or directory)",
		dsn:  "sslmode=verify-full&sslrootcert=DIR/nofile.crt", host: "localhost",
	},
	{
		says: "127.0.0.1:PORT (localhost): failed to write startup message: write failed: tls: failed to verify certificate: x509: certificate is valid for other.example, not localhost",
		dsn:  "sslmode=verify-full", host: "localhost", serve: secures(tls.NoClientCert, "other.example"), config: trustsNobody, patient: true,
	},
	{
		says: "failed to receive message: remote error: tls: certificate required",
		dsn:  "sslmode=require", serve: secures(tls.RequireAnyClientCert, "localhost"), patient: true,
	},
	{
		says: "hostname resolving error: lookup no-such-host.invalid on 10.255.255.53:53: no such host",
		dsn:  "sslmode=disable", host: "no-such-host.invalid", config: nameless,
	},
	{
		says: "[2001:db8::1]:PORT (2001:db8::1): dial error: dial tcp [2001:db8::1]:PORT: connect: no route to host",
		dsn:  "sslmode=disable", host: "2001:db8::1", config: inOrder(literally("2001:db8::1"), unrouted),
	},
	{
		says: "[2001:db8::1]:PORT (2001:db8::1): dial error: timeout: context deadline exceeded",
		dsn:  "sslmode=disable", host: "2001:db8::1", config: inOrder(literally("2001:db8::1"), dropped),
	},
	{
		says: "dial error: timeout: context deadline exceeded",
		dsn:  "sslmode=disable", config: dropped,
	},
	{
		says: "dial error: timeout: dial tcp 127.0.0.1:PORT: i/o timeout",
		dsn:  "sslmode=disable", config: hasty, patient: true,
	},
	{
		says: "tls error: timeout: context deadline exceeded",
		dsn:  "sslmode=require", serve: silent,
	},
	{
		says: "failed to receive message: unexpected EOF",
		dsn:  "sslmode=disable", serve: answers(""), patient: true,
	},
	{
		says: "tls error: EOF",
		dsn:  "sslmode=require", serve: answers(""), patient: true,
	},
	{
		says: "\n\t127.0.0.1:PORT (127.0.0.1): tls error: EOF\n\t127.0.0.1:PORT (127.0.0.1): failed to receive message: unexpected EOF",
		dsn:  "sslmode=prefer", serve: answers(""), patient: true,
	},
	{
		says: "failed to receive message: read tcp 127.0.0.1:PORT->127.0.0.1:PORT: read: connection reset by peer",
		dsn:  "sslmode=disable", serve: resets, patient: true,
	},
	{
		says: "failed to receive message: invalid body length: expected at most 1073741822, but got 1414811691",
		dsn:  "sslmode=disable", serve: answers("HTTP/1.1 400 Bad Request\r\n\r\n"), patient: true,
	},
	{
		says: "unexpected EOF",
		dsn:  "sslmode=disable", serve: ready(shutsDown), patient: true,
	},
	{
		says: "read tcp 127.0.0.1:PORT->127.0.0.1:PORT: read: connection reset by peer",
		dsn:  "sslmode=disable", serve: ready(resets), patient: true,
	},
	wrongPassword,
}

var wrongPassword = scene{
	says: "failed SASL auth: invalid SCRAM server-final-message received from server",
	dsn:  "sslmode=disable", serve: scramFails, patient: true,
}

// asks answers the startup message with one request of its own.
func asks(request pgproto3.BackendMessage) func(*testing.T, net.Conn) {
	return func(_ *testing.T, conn net.Conn) {
		send(hello(conn), request)
		silent(nil, conn)
	}
}

// ready lets the client in; the rest happens at the query.
func ready(then func(*testing.T, net.Conn)) func(*testing.T, net.Conn) {
	return func(t *testing.T, conn net.Conn) {
		send(hello(conn), &pgproto3.AuthenticationOk{}, &pgproto3.ReadyForQuery{TxStatus: 'I'})
		then(t, conn)
	}
}

// shutsDown is an immediate shutdown: a warning, then the end.
func shutsDown(_ *testing.T, conn net.Conn) {
	conn.Read(make([]byte, 1024))
	send(pgproto3.NewBackend(conn, conn), &pgproto3.NoticeResponse{
		Severity: "WARNING", Code: "57P01", Message: "terminating connection due to immediate shutdown command",
	})
}

// scramFails plays SCRAM up to the verdict, as Supavisor before 2.6 gives it.
func scramFails(_ *testing.T, conn net.Conn) {
	backend := hello(conn)
	send(backend, &pgproto3.AuthenticationSASL{AuthMechanisms: []string{"SCRAM-SHA-256"}})
	backend.SetAuthType(pgproto3.AuthTypeSASL)
	first, ok := receive(backend).(*pgproto3.SASLInitialResponse)
	if !ok {
		return
	}
	_, nonce, _ := strings.Cut(string(first.Data), "r=")
	salt := base64.StdEncoding.EncodeToString([]byte("salt"))
	send(backend, &pgproto3.AuthenticationSASLContinue{Data: []byte("r=" + nonce + "server,s=" + salt + ",i=4096")})
	backend.SetAuthType(pgproto3.AuthTypeSASLContinue)
	receive(backend)
	send(backend, &pgproto3.AuthenticationSASLFinal{Data: []byte("e=Wrong password")})
}

func hello(conn net.Conn) *pgproto3.Backend {
	backend := pgproto3.NewBackend(conn, conn)
	backend.ReceiveStartupMessage()
	return backend
}

func send(backend *pgproto3.Backend, messages ...pgproto3.BackendMessage) {
	for _, m := range messages {
		backend.Send(m)
	}
	backend.Flush()
}

func receive(backend *pgproto3.Backend) pgproto3.FrontendMessage {
	message, _ := backend.Receive()
	return message
}

// secures speaks TLS under a certificate of its own for that name.
func secures(clients tls.ClientAuthType, name string) func(*testing.T, net.Conn) {
	return func(t *testing.T, conn net.Conn) {
		conn.Read(make([]byte, 8))
		io.WriteString(conn, "S")
		secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{poolersim.SelfSigned(name)}, ClientAuth: clients})
		secured.Handshake()
		silent(t, conn)
	}
}

func trustsNobody(_ *testing.T, config *pgconn.Config) { config.TLSConfig.RootCAs = x509.NewCertPool() }

// literally resolves nothing, as for an address.
func literally(ip string) func(*testing.T, *pgconn.Config) {
	return func(_ *testing.T, config *pgconn.Config) {
		config.LookupFunc = func(context.Context, string) ([]string, error) { return []string{ip}, nil }
	}
}

// inOrder applies several changes to a configuration.
func inOrder(changes ...func(*testing.T, *pgconn.Config)) func(*testing.T, *pgconn.Config) {
	return func(t *testing.T, config *pgconn.Config) {
		for _, change := range changes {
			change(t, config)
		}
	}
}
