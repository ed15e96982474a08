package probe

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"dragonfly.internal/sidecar/internal/classify"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// mysqlGreeting is what MySQL says before anybody asks: three bytes of length, a
// number, version 10 of the protocol, and its own.
func mysqlGreeting(version string) string {
	packet := "\x0a" + version + "\x00\x08\x00\x00\x00abcdefgh\x00" + strings.Repeat("\x00", 18) + "abcdefghijkl\x00caching_sha2_password\x00"
	return string([]byte{byte(len(packet)), 0, 0, 0}) + packet
}

// A port of another protocol is named, with TLS and without.
func TestFaultForeignPort(t *testing.T) {
	t.Parallel()
	peers := map[string]string{}
	for name, greeting := range map[string]string{
		"MySQL 8":  mysqlGreeting("8.0.36"),
		"MySQL, N": mysqlGreeting("8.0.36-log1"), // as long as PostgreSQL's notices are called
		"MariaDB":  mysqlGreeting("5.5.5-10.11.6-MariaDB-0+deb12u1"),
		"HTTP":     "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n",
		"SSH":      "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
		"Redis":    "-ERR Protocol error: unauthenticated multibulk length\r\n",
	} {
		peers[name] = greets(t, greeting)
	}
	for name, address := range peers {
		for _, sslmode := range []string{"disable", "require"} {
			t.Run(name+" "+sslmode, func(t *testing.T) {
				d := new(dialler)
				a := ask(t, d, fmt.Sprintf("postgresql://app:pass-word-1@%s/appdb?sslmode=%s", address, sslmode), Options{Dial: d.Dial})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second) // a peer that waits for us to go on
				defer cancel()
				o := a.probe(ctx)
				if o.reason != machine.ReasonConfigRejected || !strings.HasPrefix(o.message, "not a PostgreSQL port: ") {
					t.Errorf("%+v", o)
				}
				if strings.HasPrefix(name, "M") != strings.Contains(o.message, "MySQL") {
					t.Errorf("%q", o.message)
				}
			})
		}
	}
}

// greets listens, and says this to whoever comes.
func greets(t *testing.T, greeting string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.WriteString(conn, greeting)
				io.Copy(io.Discard, conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// What is kept is also handed on, whole and in order, however small the reads
// and the peer's writes are.
func TestGreetingConnHandsEverythingOn(t *testing.T) {
	text := strings.Repeat("0123456789", 10)
	for name, slow := range map[string]func(io.Reader) io.Reader{
		"byte by byte": iotest.OneByteReader, "halves": iotest.HalfReader, "with its end": iotest.DataErrReader, "at once": func(r io.Reader) io.Reader { return r },
	} {
		for size := 1; size <= 40; size++ {
			conn := &greetingConn{Conn: readerConn{Reader: slow(strings.NewReader(text))}}
			var got strings.Builder
			if _, err := io.CopyBuffer(struct{ io.Writer }{&got}, struct{ io.Reader }{conn}, make([]byte, size)); err != nil || got.String() != text {
				t.Errorf("%s, reads of %d: %q, %v", name, size, got.String(), err)
			}
			if kept := string(conn.greeting()); kept != text[:classify.LongestGreeting] {
				t.Errorf("%s, reads of %d: kept %q", name, size, kept)
			}
		}
	}
	if (*greetingConn)(nil).greeting() != nil {
		t.Error("nothing was opened")
	}
}

// readerConn is a connection that only reads.
type readerConn struct {
	net.Conn
	io.Reader
}

func (c readerConn) Read(b []byte) (int, error) { return c.Reader.Read(b) }
