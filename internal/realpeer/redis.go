package realpeer

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var redisServer = program{"redis-server", "redis-server", nil}

// RedisConfig is what a Redis is started with. The zero value wants no password, has
// no TLS, and writes nothing to its disk.
type RedisConfig struct {
	Password string
	Users    []string     // lines of its access list, such as "watcher on >secret ~* +@all"
	TLS      *Certificate // nil: plain
	Settings map[string]string
}

// Redis is a running server, or a sentinel that watches some.
type Redis struct {
	process
	config RedisConfig
	port   int
}

// StartRedis starts one on a free port.
func StartRedis(t testing.TB, config RedisConfig) *Redis {
	t.Helper()
	need(t, missing(redisServer))
	r := &Redis{config: config, port: FreePort(t)}
	dir := directory(t, "redis")
	port, tlsPort := r.port, 0
	if config.TLS != nil {
		port, tlsPort = 0, r.port
	}
	command := []string{redisServer.mustPath(t), "--bind", Host, "--port", strconv.Itoa(port), "--save", "", "--dir", dir}
	if config.TLS != nil {
		cert, key := placeTLS(t, dir, config.TLS)
		command = append(command, "--tls-port", strconv.Itoa(tlsPort), "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no")
	}
	if config.Password != "" {
		command = append(command, "--requirepass", config.Password)
	}
	for _, line := range config.Users {
		command = append(append(command, "--user"), strings.Fields(line)...)
	}
	for name, value := range config.Settings {
		command = append(command, "--"+name, value)
	}
	r.process = process{name: "redis", command: command, dir: dir, logFile: place(t, dir, "log", nil), last: syscall.SIGKILL}
	r.Start(t)
	t.Cleanup(func() { r.end(t) })
	return r
}

// Start starts it again after [Redis.Stop], on the same port, and empty.
func (r *Redis) Start(t testing.TB) {
	t.Helper()
	r.start(t, func() error { _, err := r.Try("PING"); return err })
}

// Stop kills it.
func (r *Redis) Stop(t testing.TB) {
	t.Helper()
	r.stop(t, syscall.SIGKILL)
}

// Signal sends it a signal: SIGSTOP makes a server that takes connections and never
// answers.
func (r *Redis) Signal(t testing.TB, sig os.Signal) {
	t.Helper()
	r.signal(t, sig)
}

// URL is where it listens, with a user's name and password if it wants them.
func (r *Redis) URL(user, password string) *url.URL {
	u := &url.URL{Scheme: "redis", Host: address(r.port)}
	if r.config.TLS != nil {
		u.Scheme = "rediss"
	}
	if user != "" || password != "" {
		u.User = url.UserPassword(user, password)
	}
	return u
}

// Do runs a command of plain words and returns the first line of its answer.
func (r *Redis) Do(t testing.TB, words ...string) string {
	t.Helper()
	line, err := r.Try(words...)
	if err != nil {
		t.Fatalf("%v: %v", words, err)
	}
	return line
}

// Try is Do without an end of the test. It speaks the protocol itself: a test's view
// shares nothing with the client.
func (r *Redis) Try(words ...string) (string, error) {
	var conn net.Conn
	conn, err := net.DialTimeout("tcp", address(r.port), time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if r.config.TLS != nil {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(r.config.TLS.CertPEM)
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, RootCAs: pool})
	}
	conn.SetDeadline(time.Now().Add(2 * time.Second))
	reader := bufio.NewReader(conn)
	send := func(words ...string) (string, error) {
		var b strings.Builder
		fmt.Fprintf(&b, "*%d\r\n", len(words))
		for _, w := range words {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
		}
		if _, err := conn.Write([]byte(b.String())); err != nil {
			return "", err
		}
		line, err := reader.ReadString('\n')
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "$") && line != "$-1" {
			line, err = reader.ReadString('\n')
		}
		if strings.HasPrefix(line, "-") {
			return "", fmt.Errorf("%s", line)
		}
		return strings.TrimSpace(line), err
	}
	if r.config.Password != "" {
		if _, err := send("AUTH", r.config.Password); err != nil {
			return "", err
		}
	}
	return send(words...)
}
