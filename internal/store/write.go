package store

import (
	"fmt"
	"os"
	"path/filepath"

	"dragonfly.internal/sidecar/internal/disk"
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
	if err := disk.Replace(path, text, func(pending *os.File) { keepOwner(path, pending) }); err != nil {
		return err
	}
	f.seen, f.lost = c.Revision, false
	return disk.SyncFolder(filepath.Dir(path))
}
