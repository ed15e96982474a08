package disk

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// Replace puts a text in a file's place; it has reached the disk before it gets its
// name, and so has the name before this returns. Until then it lies beside the file, as
// .NAME and digits; before it gets its name, prepare may change it, if it is not nil.
func Replace(path string, text []byte, prepare func(pending *os.File)) (err error) {
	pending, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(pending.Name())
		}
	}()
	_, err = pending.Write(text)
	if prepare != nil {
		prepare(pending)
	}
	if err := errors.Join(err, pending.Sync(), pending.Close()); err != nil {
		return err
	}
	from, err := windows.UTF16PtrFromString(pending.Name())
	if err != nil {
		return err
	}
	to, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return err
	}
	return windows.MoveFileEx(from, to, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
}

// SyncFolder has nothing to do: the move has written through.
func SyncFolder(string) error { return nil }
