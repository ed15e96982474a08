package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
)

// mostMemory is what the sidecar takes of memory at most (docs/security.md#what-a-peer-can-cost).
const mostMemory = 64 << 10 // kB

// builtSidecar is the binary as it is shipped; the test binary's own memory says
// nothing of it, least of all with the race detector.
func builtSidecar(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "sidecar")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// TestMemory: the process stays within its memory and goes on answering, whatever a
// server sends to its probes and whatever clients do to its port.
func TestMemory(t *testing.T) {
	t.Parallel()
	binary := builtSidecar(t)
	servers := map[string]poolersim.Script{
		"endless rows":     {OnQuery: poolersim.EndlessRows(60_000)},
		"endless notices":  {OnStartup: poolersim.EndlessNotices()},
		"query notices":    {OnQuery: poolersim.EndlessNotices()},
		"a 16 MB error":    {OnStartup: poolersim.LongError(16 << 20)},
		"a byte at a time": {OnStartup: poolersim.Drip{Text: strings.Repeat("S\x00\x00\x00\x08n\x00v\x00", 1<<20)}},
	}
	for name, script := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pooler := listen(t, script)
			port, pid := startBinary(t, binary, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"),
				"SIDECAR_PROBE_TIMEOUT=1s", "SIDECAR_RETRY_MIN=10ms", "SIDECAR_RETRY_MAX=10ms")
			realpeer.Until(t, 20*time.Second, "a verdict", func() error {
				_, err := answered(port, "/readyz", `"reason":"starting"`)
				return err
			})
			checkMemory(t, port, pid)
		})
	}
	clients := map[string]func(conn net.Conn){
		"long headers": func(conn net.Conn) {
			io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n"+strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", 15))
		},
		"unread answers": func(conn net.Conn) {
			conn.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
			io.WriteString(conn, strings.Repeat("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 400))
		},
		"idle": func(conn net.Conn) { io.WriteString(conn, "GET /status HTTP/1.1\r\nHost: x\r\n\r\n") },
	}
	for name, hold := range clients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pooler := listen(t, poolersim.Script{})
			port, pid := startBinary(t, binary, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"))
			for range 1200 {
				conn, err := net.Dial("tcp", "127.0.0.1:"+port)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				hold(conn)
			}
			checkMemory(t, port, pid)
		})
	}
}

// TestMemoryOfProxy: the same for the proxy, before apps that ask for what they do not
// read, and before those that are told inside TLS why they are refused.
func TestMemoryOfProxy(t *testing.T) {
	t.Parallel()
	binary := builtSidecar(t)
	for name, c := range map[string]struct {
		script poolersim.Script
		hold   func(conn net.Conn)
		count  string // of those that are served
	}{
		"unread results": {poolersim.Script{}, func(conn net.Conn) {
			conn.Write([]byte("\x00\x00\x00\x12\x00\x03\x00\x00user\x00app\x00\x00"))
		}, "pooler_proxy_open_connections "},
		"TLS in a window": {poolersim.Script{OnStartup: poolersim.CircuitBreaker}, func(conn net.Conn) {
			conn.Write([]byte("\x00\x00\x00\x08\x04\xd2\x16\x2f"))
			conn.Read(make([]byte, 1))
			conn.SetDeadline(time.Now().Add(5 * time.Second))
			tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).Handshake()
		}, `pooler_proxy_connections_total{result="closed"} `},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pooler := listen(t, c.script)
			proxied := strconv.Itoa(realpeer.FreePort(t))
			port, pid := startBinary(t, binary, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_PROXY_PORT="+proxied)
			realpeer.Until(t, 20*time.Second, "a verdict", func() error {
				_, err := answered(port, "/readyz", `"reason":"starting"`)
				return err
			})
			pooler.Set(poolersim.Script{OnStartup: poolersim.EndlessNotices()})
			for n := range 1000 {
				dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 3+byte(n>>8), byte(n))}}
				conn, err := dialer.Dial("tcp", "127.0.0.1:"+proxied)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				c.hold(conn)
			}
			realpeer.Until(t, 2*time.Minute, "all of them are served", func() error {
				text, err := answered(port, "/metrics", "no such text")
				for line := range strings.Lines(text) {
					if n, ok := strings.CutPrefix(line, c.count); ok {
						text = n
					}
				}
				if n, _ := strconv.Atoi(strings.TrimSpace(text)); n >= 900 {
					return err
				}
				return fmt.Errorf("%s%s, %v", c.count, text, err)
			})
			checkMemory(t, port, pid)
		})
	}
}

// startBinary starts a built sidecar and returns its port and process.
func startBinary(t *testing.T, binary string, env ...string) (port string, pid int) {
	t.Helper()
	port = strconv.Itoa(realpeer.FreePort(t))
	command := exec.Command(binary)
	command.Env = append([]string{"PORT=" + port}, env...)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { command.Process.Kill(); command.Wait() })
	realpeer.Until(t, 20*time.Second, "the port", func() error {
		_, err := answered(port, "/health", "no such text")
		return err
	})
	return port, command.Process.Pid
}

// answered asks a page; an answer with the text is an error.
func answered(port, path, not string) (string, error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://127.0.0.1:" + port + path)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && strings.Contains(string(body), not) {
		err = fmt.Errorf("%s: %s", path, body)
	}
	return string(body), err
}

// checkMemory: the process answers, and never took more memory than it may.
func checkMemory(t *testing.T, port string, pid int) {
	t.Helper()
	if _, err := answered(port, "/health", "no such text"); err != nil {
		t.Error(err)
	}
	peak := memory(t, pid, "VmHWM:")
	if peak > mostMemory {
		t.Errorf("%d kB of memory, at most %d are allowed", peak, mostMemory)
	}
	t.Logf("peak %d kB", peak)
}
