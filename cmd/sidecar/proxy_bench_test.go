package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// proxyAddress is where the sidecar's proxy listens.
func (s *sidecar) proxyAddress() string {
	s.t.Helper()
	const words = "the proxy is listening"
	s.awaitLine(words)
	found := regexp.MustCompile(`:(\d+)"`).FindStringSubmatch(s.linesWith(words)[0])
	if found == nil {
		s.t.Fatalf("no port in %s", s.linesWith(words)[0])
	}
	return net.JoinHostPort("127.0.0.1", found[1])
}

// BenchmarkProxy prints what the proxy costs, beside haproxy in TCP mode and no
// proxy at all, in turn: make bench-proxy.
func BenchmarkProxy(b *testing.B) {
	pg := realpeer.StartPostgres(b, realpeer.PostgresConfig{})
	pg.CreateRole(b, "app", "right")
	pb := realpeer.StartPgBouncer(b, pg, realpeer.PgBouncerConfig{
		Users: map[string]string{"app": "right"}, Settings: map[string]string{"max_client_conn": "3000", "verbose": "0"},
	})
	s := startSidecar(b, "DATABASE_URL="+pg.DSN("app", "right"), "SIDECAR_PROXY_PORT=0")
	s.await(machine.Ready, 10*time.Second)
	ways := []way{{"direct", pg.Address()}, {"haproxy", startHaproxy(b, pg.Address())}, {"sidecar", s.proxyAddress()}}
	pg.Exec(b, "GRANT ALL ON SCHEMA public TO app")
	pgbench(b, ways[0], "-i", "-q")

	rounds, seconds := 7, "2"
	small, big, connect := samples{}, samples{}, samples{}
	for range rounds {
		for _, w := range ways { // in turn, so that a busy moment meets all of them
			out := pgbench(b, w, "-n", "-S", "-M", "prepared", "-c", "8", "-j", "2", "-T", seconds)
			small.add(w, number(b, out, `tps = ([\d.]+)`))
			big.add(w, bulk(b, w))
			for range 40 {
				connect.add(w, login(b, w))
			}
		}
	}
	fmt.Println("| | small queries, tps | 100 MB result, MB/s | connect and login, ms |\n|---|---|---|---|")
	for _, w := range ways {
		fmt.Printf("| %s | %.0f | %.0f | %.2f |\n", w.name, small.median(w.name), big.median(w.name), connect.median(w.name))
	}
	fmt.Printf("| sidecar / haproxy | %.2f | %.2f | %+.2f |\n", small.ratio(), big.ratio(), connect.median("sidecar")-connect.median("haproxy"))

	idle := startSidecar(b, "DATABASE_URL="+pb.DSN("app", "right"), "SIDECAR_PROXY_PORT=0", "SIDECAR_PROXY_MAX=2000")
	idle.await(machine.Ready, 10*time.Second)
	conns := []*pgconn.PgConn{connectTo(b, idle.proxyAddress())}
	before := memory(b, idle.command.Process.Pid, "VmRSS:")
	const many = 1000
	for range many {
		conns = append(conns, connectTo(b, idle.proxyAddress()))
	}
	time.Sleep(6 * time.Second) // what was needed for the logins is given back
	fmt.Printf("\n%d idle connections: %.1f KiB of resident memory each\n", many, float64(memory(b, idle.command.Process.Pid, "VmRSS:")-before)/many)
	for _, conn := range conns {
		conn.Close(context.Background())
	}
}

// way is how a client gets to the server.
type way struct{ name, address string }

func (w way) dsn() string {
	return "postgresql://app:right@" + w.address + "/" + realpeer.Database + "?sslmode=disable"
}

// samples are what was measured, by way.
type samples map[string][]float64

func (s samples) add(w way, value float64) { s[w.name] = append(s[w.name], value) }

func (s samples) median(name string) float64 {
	sorted := slices.Sorted(slices.Values(s[name]))
	return sorted[len(sorted)/2]
}

// ratio is the median of what the sidecar makes of haproxy's, round by round.
func (s samples) ratio() float64 {
	var all []float64
	for i := range s["sidecar"] {
		all = append(all, s["sidecar"][i]/s["haproxy"][i])
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// startHaproxy starts haproxy in TCP mode and returns where it listens.
func startHaproxy(b *testing.B, to string) string {
	program := realpeer.Tool(b, "/usr/sbin/haproxy", "haproxy")
	port := realpeer.FreePort(b)
	file := filepath.Join(b.TempDir(), "haproxy.cfg")
	text := fmt.Sprintf("global\n maxconn 4000\ndefaults\n mode tcp\n timeout connect 5s\n timeout client 1h\n timeout server 1h\nlisten db\n bind 127.0.0.1:%d\n server db %s\n", port, to)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	command := exec.Command(program, "-db", "-f", file)
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { command.Process.Kill(); command.Wait() })
	address := fmt.Sprintf("127.0.0.1:%d", port)
	realpeer.Until(b, 10*time.Second, "haproxy", func() error {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err
	})
	return address
}

// pgbench runs it on a way and returns what it prints.
func pgbench(b *testing.B, w way, args ...string) string {
	b.Helper()
	out, err := exec.Command(realpeer.Tool(b, "pgbench", "postgresql-contrib"), append(args, w.dsn())...).CombinedOutput()
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

func number(b *testing.B, text, pattern string) float64 {
	b.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if found == nil {
		b.Fatalf("no %s in\n%s", pattern, text)
	}
	value, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		b.Fatal(err)
	}
	return value
}

// bulk reads a big result and returns MB/s.
func bulk(b *testing.B, w way) float64 {
	b.Helper()
	conn := connectTo(b, w.address)
	defer conn.Close(b.Context())
	begun, count := time.Now(), counter(0)
	if _, err := conn.CopyTo(b.Context(), &count, "COPY (SELECT repeat('x', 9999) FROM generate_series(1, 10000)) TO STDOUT"); err != nil {
		b.Fatal(err)
	}
	return float64(count) / 1e6 / time.Since(begun).Seconds()
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

var _ io.Writer = new(counter)

// login is one login, in milliseconds.
func login(b *testing.B, w way) float64 {
	b.Helper()
	begun := time.Now()
	conn := connectTo(b, w.address)
	took := time.Since(begun)
	conn.Close(b.Context())
	return float64(took.Microseconds()) / 1000
}

func connectTo(b *testing.B, address string) *pgconn.PgConn {
	b.Helper()
	conn, err := pgconn.Connect(b.Context(), way{"", address}.dsn())
	if err != nil {
		b.Fatal(err)
	}
	return conn
}
