//go:build !windows

package store

import (
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

// replace puts a text in a file's place; it has reached the disk before it gets
// its name.
func replace(path string, text []byte) error {
	pending, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)))
	if err != nil {
		return err
	}
	defer pending.Cleanup()
	if _, err := pending.Write(text); err != nil {
		return err
	}
	keepOwner(path, pending.File)
	return pending.CloseAtomicallyReplace()
}

// keepOwner leaves the file to whom it belongs: after root's "state clear" a
// sidecar that is not root has to be able to read it. Nobody but root can do that,
// and nobody else needs to.
func keepOwner(path string, pending *os.File) {
	info, err := os.Stat(path)
	if err != nil {
		return
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		_ = pending.Chown(int(owner.Uid), int(owner.Gid))
	}
}

// syncDir makes a rename in the directory last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
