package realpeer

import (
	"math/rand/v2"
	"net"
	"net/url"
	"strconv"
	"sync"
	"testing"
)

// Host is the address that every server listens on.
const Host = "127.0.0.1"

// Database is the one database that every server has.
const Database = "postgres"

// taken are the ports this test binary has handed out: a server that is
// stopped for a while must find its own again.
var taken sync.Map

// FreePort finds a port below the range that the kernel uses for outgoing
// connections, for the same reason.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := 10000 + rand.IntN(20000)
		if _, used := taken.LoadOrStore(port, true); used {
			continue
		}
		if l, err := net.Listen("tcp", address(port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port on " + Host)
	return 0
}

func address(port int) string { return net.JoinHostPort(Host, strconv.Itoa(port)) }

// dsn is the URL of a server for a client without TLS.
func dsn(port int, user, password string) string {
	u := url.URL{
		Scheme:   "postgresql",
		User:     url.UserPassword(user, password),
		Host:     address(port),
		Path:     "/" + Database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}
