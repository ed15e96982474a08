package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// put replaces a file as a careful program does, or writes over it as an editor.
func put(t *testing.T, path, text string, atOnce bool) {
	t.Helper()
	target := path
	if atOnce {
		target += ".new"
	}
	err := os.WriteFile(target, []byte(text), 0o600)
	if err == nil && atOnce {
		err = os.Rename(target, path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestRealRotation: the password changes under load, the file gets a wrong one
// and then the right one: one login for each, no window, ready within 5 s.
func TestRealRotation(t *testing.T) {
	t.Parallel()
	pg, pooler := realPair(t, nil)
	file := filepath.Join(t.TempDir(), "dsn")
	put(t, file, pooler.DSN("app", realPassword)+"\n", true)
	s := startSidecar(t, "DATABASE_URL_FILE="+file, "SIDECAR_PROBE_INTERVAL=30s")
	s.await(machine.Ready, 20*time.Second)

	ctx, end := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() { useUntil(ctx, pooler.DSN("app", realPassword)) })
	}
	defer load.Wait()
	defer end()

	put(t, file, pooler.DSN("app", "wrong-horse-7"), true)
	if status := s.await(machine.Rejected, 5*time.Second); status.Reason != "auth_failed" {
		t.Errorf("%+v", status)
	}
	pg.SetPassword(t, "app", "another-horse-8")
	pooler.SetUser(t, "app", "another-horse-8")
	written := time.Now()
	put(t, file, pooler.DSN("app", "another-horse-8"), false)
	status := s.await(machine.Ready, 5*time.Second)
	t.Logf("ready %s after the right one was written", time.Since(written).Round(time.Millisecond))
	if count(status.History, "lockout", "lockout") != 0 || status.Logins.Total != 3 || status.Logins.Failed != 1 {
		t.Errorf("%+v, %+v", status.Logins, status.History)
	}
}

// useUntil is an app that works on one connection after the other.
func useUntil(ctx context.Context, dsn string) {
	for ctx.Err() == nil {
		conn, err := pgconn.Connect(ctx, dsn)
		if err != nil {
			return // its password is the old one
		}
		for range 50 {
			if _, err := conn.Exec(ctx, "SELECT pg_sleep(0.001)").ReadAll(); err != nil {
				break
			}
		}
		conn.Close(ctx)
	}
}

// TestRotation: what a change of the file does, and what it does not do.
func TestRotation(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{Auth: poolersim.SCRAM, Password: "right"})
	right, wrong := pooler.DSN("app", "right", "appdb"), pooler.DSN("app", "wrong", "appdb")
	file := filepath.Join(t.TempDir(), "dsn")
	s := startSidecar(t, "DATABASE_URL_FILE="+file, "SIDECAR_PROBE_INTERVAL=1h")
	s.awaitLine("[DB] READY=false reason=no_config")
	s.awaitLine("DATABASE_URL_FILE: the file cannot be read: no such file or directory")
	put(t, file, right, true) // a secret that is mounted late
	s.await(machine.Ready, 10*time.Second)

	// One that is refused, or half written, leaves the one before in use.
	put(t, file, "postgresql://app:12/34@127.0.0.1:1/appdb", true)
	s.awaitLine("the new DSN is refused; the one before stays in use")
	put(t, file, "", true)
	s.awaitLine("DATABASE_URL_FILE: the file is empty")
	if status := s.status(); !status.Ready || status.Logins.Total != 1 || !status.Guard.OK {
		t.Errorf("%+v", status)
	}

	// A changed credential ends a hold, on SIGHUP at once.
	put(t, file, wrong, true)
	s.await(machine.Rejected, 10*time.Second)
	put(t, file, right, true)
	s.command.Process.Signal(syscall.SIGHUP)
	s.await(machine.Ready, 10*time.Second)

	// On the way back to the one that was rejected nothing is repeated.
	logins := pooler.Counts().Startups
	put(t, file, wrong, true)
	s.command.Process.Signal(syscall.SIGHUP)
	s.await(machine.Rejected, 10*time.Second)
	if n := pooler.Counts().Startups; n != logins {
		t.Errorf("%d more logins", n-logins)
	}

	// It never ends a window.
	pooler.Set(poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	put(t, file, pooler.DSN("app", "another", "appdb"), true)
	s.awaitLine("Lockout backoff: ")
	before := pooler.Counts().Sockets
	put(t, file, right, true)
	s.command.Process.Signal(syscall.SIGHUP)
	realpeer.Until(t, 10*time.Second, "the new DSN in use", func() error {
		if n := len(s.linesWith("[DB] pooler_mode=")); n < 6 {
			return fmt.Errorf("announced %d times", n)
		}
		return nil
	})
	if status := s.status(); status.State != "lockout" || pooler.Counts().Sockets != before {
		t.Errorf("%d more sockets, %+v", pooler.Counts().Sockets-before, status)
	}
}

// TestRotationOfMountedSecret: a secret of Kubernetes is a link to a link, and the
// one in the middle is swapped.
func TestRotationOfMountedSecret(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{Auth: poolersim.SCRAM, Password: "right"})
	dir := t.TempDir()
	mount := func(version, password string) {
		t.Helper()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(os.Mkdir(filepath.Join(dir, version), 0o700))
		put(t, filepath.Join(dir, version, "dsn"), pooler.DSN("app", password, "appdb"), false)
		must(os.Symlink(version, filepath.Join(dir, "..tmp")))
		must(os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")))
	}
	mount("..1", "wrong")
	if err := os.Symlink("..data/dsn", filepath.Join(dir, "dsn")); err != nil {
		t.Fatal(err)
	}
	s := startSidecar(t, "DATABASE_URL_FILE="+filepath.Join(dir, "dsn"))
	s.await(machine.Rejected, 10*time.Second)
	mount("..2", "right")
	s.await(machine.Ready, 10*time.Second)
	if n := pooler.Counts().Startups; n != 2 {
		t.Errorf("%d logins", n)
	}
}

// TestPendingFindings: what the next start would meet is told while the DSN from
// before is in use, whether the file is looked at by itself or on SIGHUP.
func TestPendingFindings(t *testing.T) {
	t.Parallel()
	for _, hangup := range []bool{false, true} {
		t.Run(fmt.Sprintf("hangup=%v", hangup), func(t *testing.T) {
			t.Parallel()
			pooler := listen(t, poolersim.Script{})
			file := filepath.Join(t.TempDir(), "dsn")
			good, refused := pooler.DSN("app", "pw-of-app", "appdb"), "postgresql://app:pw-of-app@db.example.com/appdb"
			put(t, file, good, false)
			s := startSidecar(t, "DATABASE_URL_FILE="+file)
			s.await(machine.Ready, 10*time.Second)
			for i, step := range []struct{ text, pending string }{
				{"", "DSN_FILE_MISSING"}, {good, ""}, {refused, "INVALID_POOLER_MODE"}, {"", "DSN_FILE_MISSING"}, {refused, "INVALID_POOLER_MODE"}, {good, ""},
			} {
				put(t, file, step.text, true)
				if hangup {
					s.command.Process.Signal(syscall.SIGHUP)
				}
				realpeer.Until(t, 10*time.Second, fmt.Sprintf("step %d: %q pending", i, step.pending), func() error {
					code := ""
					if found := s.status().Guard.Pending; len(found) > 0 {
						code = string(found[0].Code)
					}
					if code != step.pending {
						return fmt.Errorf("%q pending", code)
					}
					return nil
				})
			}
		})
	}
}
