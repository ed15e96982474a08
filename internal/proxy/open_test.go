package proxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// secure starts PostgreSQL with TLS, and returns the file with its root.
func secure(t *testing.T) (pg *realpeer.Postgres, root string) {
	t.Helper()
	ca := realpeer.NewCA(t)
	pg = realpeer.StartPostgres(t, realpeer.PostgresConfig{TLS: ca.Issue(t, "db.example", "127.0.0.1")})
	pg.CreateRole(t, "app", "right")
	return pg, rootOf(t, ca)
}

func rootOf(t *testing.T, ca *realpeer.CA) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(file, ca.PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// peer is a server that apps may have behind the proxy.
type peer struct {
	name, address, root string
	sockets             func() int
}

// peers take TLS and do without: a PostgreSQL, and a PgBouncer that keeps a server
// connection for each client.
func peers(t *testing.T) []peer {
	t.Helper()
	pg, root := secure(t)
	ca := realpeer.NewCA(t)
	pb := realpeer.StartPgBouncer(t, pg, realpeer.PgBouncerConfig{
		Users:    map[string]string{"app": "right"},
		TLS:      ca.Issue(t, "db.example", "127.0.0.1"),
		Settings: map[string]string{"pool_mode": "session", "client_tls_sslmode": "allow"},
	})
	return []peer{{"PostgreSQL", pg.Address(), root, pg.Sockets}, {"PgBouncer", pb.Address(), rootOf(t, ca), pb.Sockets}}
}

// TestClientsGetThrough: every client logs in and asks, with TLS from end to end.
func TestClientsGetThrough(t *testing.T) {
	for _, peer := range peers(t) {
		r := newRig(t, peer.address)
		n := 0
		for name, command := range clients(t) {
			mode := "require"
			if name == "node-postgres" {
				mode = "no-verify"
			}
			n++
			if out, err := exec.Command(command[0], append(command[1:], r.dsn("app", "right", realpeer.Database, "sslmode="+mode))...).CombinedOutput(); err != nil {
				t.Errorf("%s, %s: %v\n%s", peer.name, name, err, out)
			}
		}
		if s := r.Status(); s.Refused != 0 || s.Results["relayed"] != uint64(n) {
			t.Errorf("%s: %+v", peer.name, s)
		}
	}
}

// TestVerifyFull: the certificate is the database's own; hostaddr leads to the
// proxy and host says who has to answer. With the proxy closed the client does not
// believe it, and makes no login either.
func TestVerifyFull(t *testing.T) {
	psql := realpeer.Tool(t, "psql", "postgresql-client")
	for _, peer := range peers(t) {
		r := newRig(t, peer.address)
		ask := func(host string) (string, error) {
			dsn := fmt.Sprintf("host=%s hostaddr=127.0.0.1 port=%s user=app password=right dbname=%s sslmode=verify-full sslrootcert=%s", host, r.port, realpeer.Database, peer.root)
			out, err := exec.Command(psql, "-X", "-w", "-Atc", "SELECT 1", dsn).CombinedOutput()
			return strings.TrimSpace(string(out)), err
		}
		if out, err := ask("db.example"); out != "1" {
			t.Errorf("%s: %v: %s", peer.name, err, out)
		}
		if out, err := ask("other.example"); err == nil || !strings.Contains(out, "does not match host name") {
			t.Errorf("%s: %v: %s", peer.name, err, out)
		}
		sockets := peer.sockets()
		r.verdict(machine.Lockout, machine.ReasonLockout, machine.TriggerCircuitBreaker)
		if out, err := ask("db.example"); err == nil || !strings.Contains(out, "certificate") {
			t.Errorf("%s: %v: %s", peer.name, err, out)
		}
		if s := r.Status(); peer.sockets() != sockets || s.Refused != 0 {
			t.Errorf("%s: %d sockets, %+v", peer.name, peer.sockets()-sockets, s)
		}
	}
}

// TestProtocol: what an app does in a long life, through the proxy.
func TestProtocol(t *testing.T) {
	for _, peer := range peers(t) {
		for _, mode := range []string{"disable", "require"} {
			t.Run(peer.name+", "+mode, func(t *testing.T) {
				longLife(t, newRig(t, peer.address), mode)
			})
		}
	}
}

func longLife(t *testing.T, r *rig, mode string) {
	dsn := r.dsn("app", "right", realpeer.Database, "sslmode="+mode)
	conn, err := r.login(1, dsn, "")
	if err != nil {
		t.Fatal(err)
	}
	defer bye(conn)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	var result bytes.Buffer
	const copyOut = "COPY (SELECT md5(n::text) || repeat('x', 467) FROM generate_series(1, 100000) n) TO STDOUT"
	if _, err := conn.CopyTo(ctx, &result, copyOut); err != nil || result.Len() != 50_000_000 {
		t.Fatalf("%d bytes out, %v", result.Len(), err)
	}
	want := sha256.Sum256(result.Bytes())
	if err := conn.Exec(ctx, "CREATE TEMP TABLE lines (line text)").Close(); err != nil {
		t.Fatal(err)
	}
	if tag, err := conn.CopyFrom(ctx, &result, "COPY lines FROM STDIN"); err != nil || tag.RowsAffected() != 100_000 {
		t.Fatalf("%v, %v", tag, err)
	}
	h := sha256.New()
	if _, err := conn.CopyTo(ctx, h, "COPY lines TO STDOUT"); err != nil || [32]byte(h.Sum(nil)) != want {
		t.Fatalf("came back changed: %v", err)
	}
	rows := conn.ExecParams(ctx, "SELECT line FROM lines", nil, nil, nil, nil).Read()
	if rows.Err != nil || len(rows.Rows) != 100_000 {
		t.Fatalf("%d rows, %v", len(rows.Rows), rows.Err)
	}

	heard := make(chan string, 1)
	config, _ := pgconn.ParseConfig(dsn)
	config.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) { heard <- n.Payload }
	listening, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	defer bye(listening)
	if err := listening.Exec(ctx, "LISTEN news").Close(); err != nil {
		t.Fatal(err)
	}
	if err := conn.Exec(ctx, "NOTIFY news, 'hello'").Close(); err != nil {
		t.Fatal(err)
	}
	if err := listening.WaitForNotification(ctx); err != nil || <-heard != "hello" {
		t.Fatal(err)
	}

	begun := time.Now()
	sleeping := conn.Exec(ctx, "SELECT pg_sleep(30)")
	var cancels sync.WaitGroup
	defer cancels.Wait() // one that hangs up before its answer crashes PgBouncer 1.18
	cancels.Go(func() {
		for range 12 { // by the dozen
			time.Sleep(20 * time.Millisecond)
			conn.CancelRequest(ctx)
		}
	})
	if err := sleeping.Close(); err == nil || !strings.Contains(err.Error(), "57014") || time.Since(begun) > 10*time.Second {
		t.Fatalf("after %v: %v", time.Since(begun), err)
	}
	if s := r.Status(); s.Refused != 0 || len(s.Held) != 0 {
		t.Errorf("%+v", s)
	}
}

// TestPlainConnection: half-close, resets, and back-pressure, as on a connection
// without anybody between.
func TestPlainConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	r := newRig(t, listener.Addr().String())
	pair := func() (client, server *net.TCPConn) {
		t.Helper()
		c, err := net.Dial("tcp", r.address())
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte("hi"))
		s, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(s, make([]byte, 2)); err != nil {
			t.Fatal(err)
		}
		for _, conn := range []net.Conn{c, s} {
			conn.SetDeadline(time.Now().Add(20 * time.Second))
			t.Cleanup(func() { conn.Close() })
		}
		return c.(*net.TCPConn), s.(*net.TCPConn)
	}

	client, server := pair()
	client.CloseWrite()
	if n, err := io.Copy(io.Discard, server); n != 0 || err != nil {
		t.Fatalf("half-close of the client: %d, %v", n, err)
	}
	const size = 20 << 20
	go func(server net.Conn) { server.Write(make([]byte, size)); server.Close() }(server)
	if n, err := io.Copy(io.Discard, client); n != size || err != nil {
		t.Fatalf("after the client's half-close %d bytes came, %v", n, err)
	}

	client, server = pair()
	server.CloseWrite()
	if n, err := io.Copy(io.Discard, client); n != 0 || err != nil {
		t.Fatalf("half-close of the server: %d, %v", n, err)
	}
	go func(client net.Conn) { client.Write(make([]byte, size)); client.Close() }(client)
	if n, err := io.Copy(io.Discard, server); n != size || err != nil {
		t.Fatalf("after the server's half-close %d bytes came, %v", n, err)
	}

	client, server = pair()
	server.SetLinger(0)
	server.Close()
	if _, err := client.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("a reset came as %v", err)
	}

	// Nobody reads: the sender is stopped, after what the systems' buffers hold.
	client, server = pair()
	client.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
	sent, err := io.Copy(client, io.LimitReader(zeros{}, 1<<30))
	if err == nil {
		t.Fatal("a gigabyte went to a server that does not read")
	}
	if got, _ := io.CopyN(io.Discard, server, sent); got != sent {
		t.Errorf("%d of %d bytes came", got, sent)
	}

	// A client that says nothing is gone, and no socket was opened for it.
	if soak() {
		c, err := net.Dial("tcp", r.address())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		begun := time.Now()
		c.SetReadDeadline(begun.Add(20 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err != io.EOF || time.Since(begun) < silence {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	}
}

type zeros struct{}

func (zeros) Read(to []byte) (int, error) { clear(to); return len(to), nil }
