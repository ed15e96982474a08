package realpeer

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// root is the one directory of this test binary. It is in /tmp whatever TMPDIR
// says: the user postgres must be able to walk to it, as it can't to a
// t.TempDir of root, and a unix socket's path has room for 107 bytes.
var root = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("/tmp", "realpeer-")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	return dir, sweepAfterUs(dir)
})

// lifeline is a pipe whose only writer is this process. It is never closed,
// and kept here so that the garbage collector does not close it either.
//
//lint:ignore U1000 written only, to hold it
var lifeline io.WriteCloser

// sweepAfterUs removes dir once the lifeline ends: when this process is gone,
// however it went. Servers that die with us may still write for a moment,
// hence the second try.
func sweepAfterUs(dir string) (err error) {
	sweeper := exec.Command("/bin/sh", "-c", `cat; rm -rf "$0" || { sleep 1; rm -rf "$0"; }`, dir)
	sweeper.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // out of Ctrl-C's reach
	if lifeline, err = sweeper.StdinPipe(); err != nil {
		return err
	}
	return sweeper.Start()
}

// directory makes a directory for one server, gone with the test.
func directory(t testing.TB, name string) string {
	t.Helper()
	parent, err := root()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(parent, name+"-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	own(t, dir)
	return dir
}

// place writes a file that only its server can read.
func place(t testing.TB, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	own(t, path)
	return path
}

// placeTLS writes a certificate and its key.
func placeTLS(t testing.TB, dir string, c *Certificate) (certFile, keyFile string) {
	t.Helper()
	return place(t, dir, "server.crt", c.CertPEM), place(t, dir, "server.key", c.KeyPEM)
}

func own(t testing.TB, path string) {
	t.Helper()
	o, err := serverOwner()
	if err == nil {
		err = o.own(path)
	}
	if err != nil {
		t.Fatal(fmt.Errorf("hand %s to the server's user: %w", path, err))
	}
}
