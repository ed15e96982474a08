package realpeer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Login is a user and a password.
type Login struct {
	User, Password string
}

// PgBouncerConfig says how a PgBouncer differs from the usual one: transaction
// pooling, and scram-sha-256 for clients and towards the server.
type PgBouncerConfig struct {
	// Users are the passwords that clients must give: the auth_file.
	Users map[string]string
	// Server is the login that PgBouncer itself makes at PostgreSQL. Zero: the
	// client's own user, with its password in Users.
	Server Login
	// Behind is the database of PostgreSQL that clients get as [Database]. Zero:
	// the one of the same name.
	Behind string
	// TLS makes clients use TLS, which PgBouncer serves with it.
	TLS *Certificate
	// Settings are lines of the section [pgbouncer], by PgBouncer's own names:
	// "auth_type", "pool_mode", "server_login_retry" in seconds, ...
	Settings map[string]string
}

// PgBouncer is one PgBouncer server.
type PgBouncer struct {
	process
	port    int
	config  PgBouncerConfig
	writes  int // of its files
	target  *Postgres
	console session
}

// StartPgBouncer starts a PgBouncer in front of target on a free port.
func StartPgBouncer(t testing.TB, target *Postgres, config PgBouncerConfig) *PgBouncer {
	t.Helper()
	Need(t)
	dir := directory(t, "pgbouncer")
	port := FreePort(t)
	pb := &PgBouncer{
		process: process{
			name:    "PgBouncer",
			command: []string{pgbouncer.mustPath(t), filepath.Join(dir, "pgbouncer.ini")},
			dir:     dir,
			logFile: filepath.Join(dir, "log"),
			last:    syscall.SIGTERM,
			noise:   " DEBUG ",
		},
		port:    port,
		target:  target,
		console: session{dir: dir, port: port, user: "console", password: "console", database: "pgbouncer"},
	}
	pb.config = config.complete(t, pb.console, port)
	pb.write(t)
	t.Cleanup(func() { pb.end(t) })
	pb.Start(t)
	return pb
}

// complete adds what every PgBouncer has; what the test asks for wins.
func (c PgBouncerConfig) complete(t testing.TB, console session, port int) PgBouncerConfig {
	t.Helper()
	settings := map[string]string{
		"listen_addr":      Host,
		"listen_port":      strconv.Itoa(port),
		"unix_socket_dir":  console.dir,
		"auth_type":        "scram-sha-256",
		"auth_file":        filepath.Join(console.dir, "userlist.txt"),
		"admin_users":      console.user,
		"pool_mode":        "transaction",
		"log_stats":        "0",
		"verbose":          "1", // a line for each accepted socket
		"tcp_defer_accept": "0", // and for one that says nothing
	}
	if c.TLS != nil {
		settings["client_tls_sslmode"] = "require"
		settings["client_tls_cert_file"], settings["client_tls_key_file"] = placeTLS(t, console.dir, c.TLS)
	}
	maps.Copy(settings, c.Settings)
	users := map[string]string{console.user: console.password}
	maps.Copy(users, c.Users)
	c.Settings, c.Users = settings, users
	return c
}

// write writes the configuration and the user list.
func (pb *PgBouncer) write(t testing.TB) {
	t.Helper()
	var ini, users strings.Builder
	fmt.Fprintf(&ini, "[databases]\n%s = host=%s port=%d dbname=%s", Database, Host, pb.target.port, cmp.Or(pb.config.Behind, Database))
	if server := pb.config.Server; server != (Login{}) {
		fmt.Fprintf(&ini, " user=%s password=%s", quote(server.User), quote(server.Password))
	}
	ini.WriteString("\n[pgbouncer]\n")
	for key, value := range pb.config.Settings {
		fmt.Fprintf(&ini, "%s = %s\n", key, value)
	}
	for user, password := range pb.config.Users {
		fmt.Fprintf(&users, "%s %s\n", name(user), name(password))
	}
	place(t, pb.dir, "pgbouncer.ini", []byte(ini.String()))
	place(t, pb.dir, "userlist.txt", []byte(users.String()))
	// A reload skips a user list that is of the same second as the one it knows.
	pb.writes++
	stamp := time.Now().Add(time.Duration(pb.writes) * time.Second)
	if err := os.Chtimes(filepath.Join(pb.dir, "userlist.txt"), stamp, stamp); err != nil {
		t.Fatal(err)
	}
}

// Start starts it again after [PgBouncer.Stop], on the same port.
func (pb *PgBouncer) Start(t testing.TB) {
	t.Helper()
	pb.start(t, func() error {
		_, err := pb.console.ask(context.Background(), "SHOW VERSION")
		return err
	})
}

// Stop ends it at once, as its clients see it, and waits until it is gone.
func (pb *PgBouncer) Stop(t testing.TB) {
	t.Helper()
	pb.stop(t, syscall.SIGTERM)
}

// Restart is a stop and a start.
func (pb *PgBouncer) Restart(t testing.TB) {
	t.Helper()
	pb.Stop(t)
	pb.Start(t)
}

// Signal sends it a signal: SIGSTOP makes a pooler whose port takes
// connections and never answers.
func (pb *PgBouncer) Signal(t testing.TB, sig os.Signal) {
	t.Helper()
	pb.signal(t, sig)
}

// Admin runs a command on the admin console, such as "RECONNECT" or "SHOW
// SERVERS", and returns its rows.
func (pb *PgBouncer) Admin(t testing.TB, command string) [][]string {
	t.Helper()
	return pb.console.must(t, command)
}

// Set changes one setting of a running PgBouncer.
func (pb *PgBouncer) Set(t testing.TB, setting, value string) {
	t.Helper()
	pb.config.Settings[setting] = value
	pb.reload(t)
}

// SetUser changes what a client must give, and without a forced login also
// what PgBouncer gives PostgreSQL.
func (pb *PgBouncer) SetUser(t testing.TB, user, password string) {
	t.Helper()
	pb.config.Users[user] = password
	pb.reload(t)
}

// SetServer changes the login that PgBouncer makes at PostgreSQL. Pooled
// connections go on. To end them: [Postgres.Disconnect], after which clients
// still get in and meet "server_login_retry" at their query; or the command
// RECONNECT, after which they meet the server's own refusal at their login.
func (pb *PgBouncer) SetServer(t testing.TB, login Login) {
	t.Helper()
	pb.config.Server = login
	pb.reload(t)
}

func (pb *PgBouncer) reload(t testing.TB) {
	t.Helper()
	pb.write(t)
	pb.Admin(t, "RELOAD")
}
