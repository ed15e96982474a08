package store

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// replace puts a text in a file's place; it has reached the disk before it gets
// its name, and so has the name before this returns.
func replace(path string, text []byte) (err error) {
	pending, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)) // swept up by its name
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(pending.Name())
		}
	}()
	_, err = pending.Write(text)
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

// syncDir has nothing to do: the move has written through.
func syncDir(string) error { return nil }
