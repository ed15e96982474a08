package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// place is where a file really lies, with the two locks beside it.
type place struct {
	path   string
	owner  *flock.Flock // held from the first save to the end of the process
	writer *flock.Flock // held while a process reads and writes
}

// find follows the path's links, anew until the place where they lead is ours.
func (f *File) find() (*place, *LostError) {
	before := f.place.Load()
	if before != nil && before.owner.Locked() {
		return before, nil
	}
	path, err := target(f.path)
	switch {
	case err != nil:
		return nil, unseen(f.path, "it cannot be looked at: ", err)
	case before != nil && before.path == path:
		return before, nil
	}
	// A lock beside the file, not on the directory: a network's disk locks no
	// directories, and is slow enough for two writings to meet.
	lock := func(suffix string, mode fs.FileMode) *flock.Flock {
		return flock.New(path+suffix, flock.SetPermissions(mode), flock.SetFlag(os.O_CREATE|os.O_RDONLY|syscall.O_NONBLOCK))
	}
	// PATH.write is empty, and readable by all: root's "state clear" must not shut
	// out a sidecar that runs as somebody else.
	p := &place{path, lock(".lock", 0o600), lock(".write", 0o644)}
	f.place.Store(p)
	return p, nil
}

// target follows a link, also one to a file that is still to come: to replace the
// link would leave the deadline in the wrong place.
func target(path string) (string, error) {
	to, err := filepath.EvalSymlinks(path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return to, err
	}
	to, err = os.Readlink(path)
	switch {
	case err != nil:
		return path, nil
	case filepath.IsAbs(to):
		return to, nil
	}
	return filepath.Join(filepath.Dir(path), to), nil
}

// own takes the lock that ends with the process; fresh: it was not ours before.
func (p *place) own() (fresh bool, err error) {
	if p.owner.Locked() {
		return false, nil
	}
	switch locked, err := p.owner.TryLock(); {
	case err != nil:
		return false, err
	case !locked:
		return false, fmt.Errorf("%s: %w", p.path, errOwned)
	}
	return true, nil
}

// sweep removes what a killed process left half written: a dot, the file's name
// and digits to the end. What may as well be a neighbour's stays, and what cannot
// be removed: neither keeps anybody from saving.
func (p *place) sweep() {
	dir, base := filepath.Split(p.path)
	entries, _ := os.ReadDir(filepath.Clean(dir))
	names := make(map[string]bool, len(entries))
	for _, entry := range entries {
		names[entry.Name()] = true
	}
	for name := range names {
		digits, ours := strings.CutPrefix(name, "."+base)
		ours = ours && digits != "" && strings.Trim(digits, "0123456789") == ""
		for i := range digits { // the store "state" beside "state2"
			ours = ours && !names[base+digits[:i+1]] && !names[base+digits[:i+1]+".lock"]
		}
		if ours {
			_ = os.Remove(filepath.Join(dir, name))
		}
	}
}

// maxSize bounds what is read; a state is a few hundred bytes.
const maxSize = 1 << 20

// look finds the file and reads it.
func (f *File) look() (content, *LostError) {
	p, lost := f.find()
	if lost != nil {
		return content{}, lost
	}
	return f.read(p.path)
}

// read reads what stands in the file. No file is nothing lost and an empty content;
// so is no directory for it. Whatever else keeps us from looking may hide a window.
func (f *File) read(path string) (content, *LostError) {
	info, err := f.stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return content{}, nil
	case err != nil:
		return content{}, unseen(path, "it cannot be looked at: ", err)
	case !info.Mode().IsRegular(): // its time stamp is of something else
		return content{}, &LostError{Place: path, Why: "it is " + kindOf(info.Mode()) + " and no file", Unseen: true, special: true}
	}
	stamp := info.ModTime()
	if now := time.Now(); stamp.After(now) { // another machine's clock is ahead of ours
		stamp = now
	}
	text, err := text(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return content{}, nil
	case err != nil:
		lost := unseen(path, "it cannot be read: ", err)
		lost.Stamp = stamp
		return content{}, lost
	}
	c, err := decode(text)
	if err != nil {
		return content{}, &LostError{Place: path, Why: err.Error(), Stamp: stamp}
	}
	return c, nil
}

// unseen is what could not be looked at, and may be whole.
func unseen(path, what string, err error) *LostError {
	text := err.Error()
	if at, ok := errors.AsType[*fs.PathError](err); ok { // which names the path once more
		text = at.Err.Error()
	}
	return &LostError{Place: path, Why: what + text, Unseen: true, cause: err}
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// text reads a regular file. What has become something else in the meantime, such
// as a pipe, is not waited for.
func text(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errors.New("it is no file any more"))
	}
	return io.ReadAll(io.LimitReader(file, maxSize))
}
