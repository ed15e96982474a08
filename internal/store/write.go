package store

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// write replaces the file as a whole; what it holds has reached the disk before
// it gets its name, and so has the name before this returns. What was lost is kept
// as PATH.lost: somebody else may be able to read it.
func (f *File) write(path string, r machine.Record, lost bool) error {
	f.writes++
	c := content{version, now(), fmt.Sprintf("%s-%d", f.process, f.writes), f.Salt(), r}
	text, err := encode(c)
	if err != nil {
		return err
	}
	if lost {
		os.Remove(path + ".lost")
		os.Link(path, path+".lost")
	}
	dir := filepath.Dir(path)
	pending, err := renameio.NewPendingFile(path, renameio.WithTempDir(dir))
	if err != nil {
		return err
	}
	defer pending.Cleanup()
	if _, err := io.Copy(pending, bytes.NewReader(text)); err != nil {
		return err
	}
	keepOwner(path, pending.File)
	if err := pending.CloseAtomicallyReplace(); err != nil {
		return err
	}
	f.seen, f.lost = c.Revision, false
	return syncDir(dir)
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
