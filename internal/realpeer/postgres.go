package realpeer

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// The ways to stop PostgreSQL, for [Postgres.Stop].
const (
	Smart     = syscall.SIGTERM // once the last client has left
	Fast      = syscall.SIGINT  // clients are told and disconnected
	Immediate = syscall.SIGQUIT // as a crash would, with a notice
)

// PostgresConfig says how a PostgreSQL differs from the usual one, which takes
// scram-sha-256 over TCP and logs every connection.
type PostgresConfig struct {
	Settings map[string]string // lines of postgresql.conf
	HBA      []string          // lines of pg_hba.conf, before the usual ones
	TLS      *Certificate      // serve TLS with it
}

// Postgres is one PostgreSQL server.
type Postgres struct {
	process
	port      int
	superuser session
}

// StartPostgres starts a PostgreSQL on a free port.
func StartPostgres(t testing.TB, config PostgresConfig) *Postgres {
	t.Helper()
	Need(t)
	dir := directory(t, "pg")
	data := filepath.Join(dir, "data")
	source, err := template()
	if err != nil {
		t.Fatal(err)
	}
	if err := run("cp", "-a", source, data); err != nil {
		t.Fatal(err)
	}

	port := FreePort(t)
	place(t, data, "postgresql.conf", config.settings(t, dir, port))
	place(t, data, "pg_hba.conf", config.hba())
	pg := &Postgres{
		process: process{
			name:    "PostgreSQL",
			command: []string{postgres.mustPath(t), "-D", data},
			dir:     dir,
			logFile: filepath.Join(dir, "log"),
			last:    Immediate,
		},
		port:      port,
		superuser: session{dir: dir, port: port, user: "postgres", database: Database},
	}
	t.Cleanup(func() { pg.end(t) })
	pg.Start(t)
	return pg
}

// template makes one database cluster per test binary, which every server
// gets a copy of: a copy is several times faster than an initdb.
var template = sync.OnceValues(func() (string, error) {
	parent, err := root()
	if err != nil {
		return "", err
	}
	user, err := serverOwner()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(parent, "template")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	if err := user.own(dir); err != nil {
		return "", err
	}
	program, err := initdb.path()
	if err != nil {
		return "", err
	}
	return dir, run(program, "--pgdata", dir, "--username", "postgres", "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C", "--wal-segsize", "1", "--no-sync", "--no-instructions")
})

// run runs a command as the servers' user.
func run(command ...string) error {
	user, err := serverOwner()
	if err != nil {
		return err
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user.credential}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, out)
	}
	return nil
}

// settings is postgresql.conf: quick to start, easy to lose, and talkative.
func (c PostgresConfig) settings(t testing.TB, dir string, port int) []byte {
	t.Helper()
	settings := map[string]string{
		"listen_addresses":        Host,
		"port":                    strconv.Itoa(port),
		"unix_socket_directories": dir,
		"fsync":                   "off",
		"autovacuum":              "off",
		"wal_level":               "minimal",
		"max_wal_senders":         "0",
		"shared_buffers":          "16MB",
		"log_connections":         "on",
		"log_disconnections":      "on",
		"log_line_prefix":         "%m [%p] %u@%d ",
		"password_encryption":     "scram-sha-256",
	}
	if c.TLS != nil {
		settings["ssl"] = "on"
		settings["ssl_cert_file"], settings["ssl_key_file"] = placeTLS(t, dir, c.TLS)
	}
	maps.Copy(settings, c.Settings)
	var lines []string
	for key, value := range settings {
		lines = append(lines, key+" = "+quote(value))
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

// hba is pg_hba.conf; the unix socket is ours alone, its directory private.
func (c PostgresConfig) hba() []byte {
	lines := slices.Concat(c.HBA, []string{"local all all trust", "host all all all scram-sha-256"})
	return []byte(strings.Join(lines, "\n") + "\n")
}

// Start starts it again after [Postgres.Stop], on the same port.
func (pg *Postgres) Start(t testing.TB) {
	t.Helper()
	pg.start(t, func() error {
		_, err := pg.superuser.ask(context.Background(), "SELECT 1")
		return err
	})
}

// Stop stops it in one of the ways above and waits until it is gone.
func (pg *Postgres) Stop(t testing.TB, how os.Signal) {
	t.Helper()
	pg.stop(t, how)
}

// Restart is a fast stop and a start.
func (pg *Postgres) Restart(t testing.TB) {
	t.Helper()
	pg.Stop(t, Fast)
	pg.Start(t)
}

// Signal sends a signal to the postmaster: SIGSTOP makes a server whose port
// takes connections and never answers, SIGHUP makes it read its files again.
func (pg *Postgres) Signal(t testing.TB, sig os.Signal) {
	t.Helper()
	pg.signal(t, sig)
}
