//go:build !windows

package disk

import (
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Replace puts a text in a file's place, for its owner alone; it has reached the disk
// before it gets its name. Until then it lies beside the file, as .NAME and digits;
// before it gets its name, prepare may change it, if it is not nil.
func Replace(path string, text []byte, prepare func(pending *os.File)) error {
	pending, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)))
	if err != nil {
		return err
	}
	defer pending.Cleanup()
	if _, err := pending.Write(text); err != nil {
		return err
	}
	if prepare != nil {
		prepare(pending.File)
	}
	return pending.CloseAtomicallyReplace()
}

// SyncFolder makes what [Replace] has done in a folder last.
func SyncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
