package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// nobody is a user without any right, as in a non-root image.
var nobody = &syscall.Credential{Uid: 65534, Gid: 65534}

// volume mounts an empty file system, with options of mount. Where that is not
// allowed the test is left out, but for CI, which leaves nothing out.
func volume(t *testing.T, options string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sidecar-volume-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(dir) })
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir).CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v: %s", err, out)
		}
		t.Skipf("needs root and a file system of its own: %s", out)
	}
	t.Cleanup(func() { exec.Command("umount", dir).Run() })
	return dir
}

// fullVolume is one without a free byte.
func fullVolume(t *testing.T) string {
	t.Helper()
	dir := volume(t, "size=16k")
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	for err == nil {
		_, err = filler.Write(make([]byte, 1024))
	}
	return dir
}

// TestUnwritable: where nothing can be written the sidecar says so once, shows it,
// and goes on from memory.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		user *syscall.Credential
		dir  string
		says string
	}{
		"full disk":         {nil, fullVolume(t), "no space left on device"},
		"read-only":         {nil, volume(t, "ro"), "read-only file system"},
		"absent":            {nil, filepath.Join(t.TempDir(), "absent"), "no such file or directory"},
		"root-owned volume": {nobody, volume(t, "mode=0755"), "permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pooler := listen(t, poolersim.Script{})
			s := startAs(t, c.user, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"), "RAILWAY_VOLUME_MOUNT_PATH="+c.dir, "SIDECAR_PROBE_INTERVAL=50ms")
			s.await(machine.Ready, 10*time.Second)
			realpeer.Until(t, 10*time.Second, "more probes", func() error {
				if n := s.status().Logins.Total; n < 4 {
					return fmt.Errorf("%d", n)
				}
				return nil
			})
			if said := s.linesWith("a restart would forget it: "); s.status().Store.Healthy || len(said) != 1 || !strings.Contains(said[0], c.says) {
				t.Errorf("said %q", said)
			}
			if _, _, metrics := s.get("/metrics"); !strings.Contains(string(metrics), "\npooler_store_healthy 0\n") {
				t.Error("no pooler_store_healthy 0")
			}
			if _, _, verbose := s.get("/readyz?verbose"); !strings.Contains(string(verbose), "[-]store: ") {
				t.Errorf("%s", verbose)
			}
			if code := s.stop(); code != exit.OK {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// TestUnreadable: a state that belongs to root and was written just now may hold a
// window, also for a process that may not read it.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	dir := volume(t, "mode=0777")
	if err := os.WriteFile(filepath.Join(dir, config.StateName), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	pooler := listen(t, poolersim.Script{})
	s := startAs(t, nobody, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"), "RAILWAY_VOLUME_MOUNT_PATH="+dir)
	s.awaitLine("[DB] READY=false reason=store_lost next_retry_in=")
	if n := pooler.Counts().Sockets; n != 0 {
		t.Errorf("%d sockets", n)
	}
}

// TestReadLate: a state that cannot be looked at is silence until it can be; then the
// window or the hold in it is kept to, without a login in between.
func TestReadLate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script poolersim.Script
		state  machine.State
	}{
		"window": {poolersim.Script{OnStartup: poolersim.CircuitBreaker}, machine.Lockout},
		"hold":   {poolersim.Script{Auth: poolersim.SCRAM, Password: "another"}, machine.Rejected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pooler := listen(t, c.script)
			path := filepath.Join(t.TempDir(), "state.json")
			env := []string{"DATABASE_URL=" + pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_STATE=file:" + path}
			first := startSidecar(t, env...)
			first.await(c.state, 10*time.Second)
			first.stop()
			sockets := pooler.Counts().Sockets
			if err := errors.Join(os.Rename(path, path+".aside"), os.Mkdir(path, 0o700)); err != nil {
				t.Fatal(err)
			}
			second := startSidecar(t, env...)
			second.awaitLine("[DB] READY=false reason=store_lost next_retry_in=900s")
			if said := second.linesWith("nothing is asked for the shortest window after this start, or until it can be read. "); len(said) != 1 || second.status().Store.Healthy {
				t.Errorf("said %q", said)
			}
			if err := errors.Join(os.Remove(path), os.Rename(path+".aside", path)); err != nil {
				t.Fatal(err)
			}
			second.await(c.state, 20*time.Second)
			realpeer.Until(t, 10*time.Second, "the store is written again", func() error {
				if !second.status().Store.Healthy {
					return errors.New("unhealthy")
				}
				return nil
			})
			if last := second.status().LastAttempt; last == nil {
				t.Error("what it met is not known any more")
			}
			if n := pooler.Counts().Sockets; n != sockets {
				t.Errorf("%d more sockets", n-sockets)
			}
		})
	}
}
