package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"

	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// File keeps the record in one file, which is replaced as a whole. The first
// process that saves holds the file PATH.lock until it ends; another one reads,
// and cannot save before. Use [NewFile].
type File struct {
	path string
	lock *flock.Flock
	busy chan struct{} // holds the one operation that is under way, also one that hangs

	salt    atomic.Pointer[[]byte]
	seen    string // revision last read or written; empty: there was none
	lost    bool   // what stands there could not be read
	process string // begins this process's revisions
	writes  int
}

// NewFile returns the store at a path, or where a link there leads. It changes
// nothing before Load or Save.
func NewFile(path string) *File {
	path = target(path)
	f := &File{
		path: path, lock: flock.New(path+".lock", flock.SetPermissions(0o600)), busy: make(chan struct{}, 1),
		process: hex.EncodeToString(newSalt()[:4]),
	}
	f.salt.Store(new(newSalt()))
	return f
}

// target follows a link, also one to a file that is still to come: to replace the
// link would leave the deadline in the wrong place.
func target(path string) string {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		return to
	}
	to, err := os.Readlink(path)
	switch {
	case err != nil:
		return path
	case filepath.IsAbs(to):
		return to
	}
	return filepath.Join(filepath.Dir(path), to)
}

// Kind implements [Store].
func (*File) Kind() string { return "file" }

// Salt implements [Store].
func (f *File) Salt() []byte { return *f.salt.Load() }

// Close implements [Store].
func (f *File) Close() error { return f.lock.Close() }

// maxSize bounds what is read; a state is a few hundred bytes.
const maxSize = 1 << 20

// loaded is what Load found.
type loaded struct {
	record  machine.Record
	changed bool
}

// Load implements [Store].
func (f *File) Load(ctx context.Context) (machine.Record, bool, error) {
	found, err := within(ctx, f, func() (loaded, error) {
		c, stamp, err := f.read()
		before := f.lost
		_, f.lost = errors.AsType[*LostError](err)
		switch {
		case f.lost:
			return loaded{machine.Record{Lost: stamp}, !before}, err
		case err != nil:
			return loaded{}, err
		}
		changed := c.Revision != f.seen && c.Revision != "" // a file that is gone says nothing
		f.take(c)
		return loaded{c.Record, changed}, nil
	})
	return found.record, found.changed, err
}

// Save implements [Store].
func (f *File) Save(ctx context.Context, r machine.Record) error {
	_, err := within(ctx, f, func() (struct{}, error) {
		held := f.hold()
		c, _, err := f.read()
		_, lost := errors.AsType[*LostError](err)
		switch {
		case err == nil && c.Revision != "" && c.Revision != f.seen: // heeded also by who may not write
			f.take(c)
			return struct{}{}, &supervisor.ConflictError{Found: c.Record}
		case held != nil:
			return struct{}{}, held
		case err != nil && !lost:
			return struct{}{}, err
		}
		return struct{}{}, f.write(r)
	})
	return err
}

// Overwrite replaces what is stored, whoever holds the lock: an operator's way to
// say that it is over. A running sidecar takes it up on SIGHUP.
func (f *File) Overwrite(ctx context.Context, r machine.Record) error {
	_, err := within(ctx, f, func() (struct{}, error) { return struct{}{}, f.write(r) })
	return err
}

// take remembers what was found. Without a salt nothing was.
func (f *File) take(c content) {
	f.seen = c.Revision
	if len(c.Salt) > 0 {
		f.salt.Store(&c.Salt)
	}
}

// errLocked says that the file is somebody else's.
var errLocked = errors.New("another process keeps its state there; give each sidecar a file of its own")

// hold takes the lock, which ends with the process, and sweeps up what a killed
// process left half written.
func (f *File) hold() error {
	if f.lock.Locked() {
		return nil
	}
	switch locked, err := f.lock.TryLock(); {
	case err != nil:
		return err
	case !locked:
		return fmt.Errorf("%s: %w", f.path, errLocked)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(f.path), "."+filepath.Base(f.path)+"[0-9]*"))
	for _, file := range left {
		err = errors.Join(err, os.Remove(file))
	}
	return err
}

// read reads what stands in the file, and the file's own time stamp. No file is
// no error and an empty content.
func (f *File) read() (content, time.Time, error) {
	info, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return content{}, time.Time{}, nil
	case err != nil:
		return content{}, time.Time{}, err
	case !info.Mode().IsRegular():
		return content{}, time.Time{}, fmt.Errorf("%s is no regular file", f.path)
	}
	text, err := f.text()
	if err != nil {
		return content{}, info.ModTime(), &LostError{f.path, "it cannot be read: " + err.Error()}
	}
	c, err := decode(text)
	if err != nil {
		return content{}, info.ModTime(), &LostError{f.path, err.Error()}
	}
	return c, info.ModTime(), nil
}

func (f *File) text() ([]byte, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxSize))
}

// write replaces the file as a whole; what it holds has reached the disk before
// it gets its name, and so has the name before this returns.
func (f *File) write(r machine.Record) error {
	f.writes++
	c := content{version, now(), fmt.Sprintf("%s-%d", f.process, f.writes), f.Salt(), r}
	text, err := encode(c)
	if err != nil {
		return err
	}
	if f.lost { // keep what we could not read: somebody else may
		os.Remove(f.path + ".lost")
		os.Link(f.path, f.path+".lost")
		f.lost = false
	}
	dir := filepath.Dir(f.path)
	pending, err := renameio.NewPendingFile(f.path, renameio.WithTempDir(dir))
	if err != nil {
		return err
	}
	defer pending.Cleanup()
	if _, err := io.Copy(pending, bytes.NewReader(text)); err != nil {
		return err
	}
	if err := pending.CloseAtomicallyReplace(); err != nil {
		return err
	}
	f.seen = c.Revision
	return syncDir(dir)
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

// within runs an operation until the context's deadline. One that hangs, on a
// network's disk for instance, goes on by itself, and keeps the next from starting.
func within[T any](ctx context.Context, f *File, operation func() (T, error)) (result T, err error) {
	type end struct {
		result T
		err    error
	}
	select {
	case f.busy <- struct{}{}:
	case <-ctx.Done():
		return result, fmt.Errorf("%s: %w", f.path, errHangs)
	}
	ended := make(chan end, 1)
	go func() {
		result, err := operation()
		<-f.busy
		ended <- end{result, err}
	}()
	select {
	case e := <-ended:
		return e.result, e.err
	case <-ctx.Done():
		return result, fmt.Errorf("%s: %w", f.path, errHangs)
	}
}

var errHangs = errors.New("the disk does not answer in time")
