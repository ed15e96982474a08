package store

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// patience is the deadline of a caller that does not want to wait.
func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// TestFileHangs: a disk that does not answer costs a caller its patience and no
// more, also the next caller. What it gives in the end, when nobody listens any
// more, has been found by nobody: the window turns up at the next look.
func TestFileHangs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	before := newFile(t, path)
	save(t, before, record("k"))
	before.Close()
	f := newFile(t, path)
	answer := make(chan struct{})
	f.stat = func(path string) (fs.FileInfo, error) { <-answer; return os.Stat(path) }
	for range 2 {
		r, changed, err := f.Load(patience(t))
		lost, ok := errors.AsType[*LostError](err)
		if !ok || !lost.Unseen || !lost.Stamp.IsZero() || !errors.Is(err, errHangs) || changed || !r.Lost.Equal(f.began) {
			t.Errorf("it waited, and then: %v, %+v", err, r)
		}
	}
	if err := f.Save(patience(t), machine.Record{}); !errors.Is(err, errHangs) {
		t.Errorf("a second operation beside the one that hangs: %v", err)
	}
	close(answer)
	if conflict, ok := errors.AsType[*supervisor.ConflictError](f.Save(t.Context(), machine.Record{})); !ok || conflict.Found.Windows[0].Key != "k" {
		t.Fatalf("the window that it hung on is overwritten: %+v", conflict)
	}
	save(t, f, record("k"))
}

// TestFileUnheardConflict: what a Save finds after its caller has gone is found
// again by the next one.
func TestFileUnheardConflict(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	f, other := newFile(t, path), newFile(t, path)
	save(t, f, record("k"))
	if err := other.Clear(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	answer := make(chan struct{})
	f.stat = func(path string) (fs.FileInfo, error) { <-answer; return os.Stat(path) }
	if err := f.Save(patience(t), record("k")); !errors.Is(err, errHangs) {
		t.Fatal(err)
	}
	close(answer)
	if conflict, ok := errors.AsType[*supervisor.ConflictError](f.Save(t.Context(), record("k"))); !ok || conflict.Found.Cleared.IsZero() {
		t.Errorf("the operator's word is overwritten: %+v", conflict)
	}
}

// TestFileUnseen: only a file that is not there is a first start. Whatever else
// keeps us from looking may hide a window: it is lost since we began, or since its
// own time stamp, the same at each look; it is not replaced; and when it can be
// looked at again the window is there.
func TestFileUnseen(t *testing.T) {
	stamp := time.Now().Add(-time.Minute).Truncate(time.Second)
	bad := func(errno syscall.Errno) func(string) (fs.FileInfo, error) {
		return func(path string) (fs.FileInfo, error) { return nil, &fs.PathError{Op: "stat", Path: path, Err: errno} }
	}
	instead := func(put func(path string) error) func(t *testing.T, path string, f *File) func() {
		return func(t *testing.T, path string, _ *File) func() {
			aside := path + ".aside"
			if err := os.Rename(path, aside); err != nil {
				t.Fatal(err)
			}
			if err := put(path); err != nil {
				t.Fatal(err)
			}
			return func() { os.RemoveAll(path); os.Rename(aside, path) }
		}
	}
	disk := func(errno syscall.Errno) func(t *testing.T, path string, f *File) func() {
		return func(_ *testing.T, _ string, f *File) func() {
			f.stat = bad(errno)
			return func() { f.stat = os.Stat }
		}
	}
	var listener net.Listener
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string, f *File) (mend func())
		why   string
	}{
		"ESTALE":       {disk(syscall.ESTALE), "it cannot be looked at: stale "},
		"EIO":          {disk(syscall.EIO), "it cannot be looked at: input/output error"},
		"EACCES":       {disk(syscall.EACCES), "it cannot be looked at: permission denied"},
		"ETIMEDOUT":    {disk(syscall.ETIMEDOUT), "it cannot be looked at: connection timed out"},
		"ENOMEM":       {disk(syscall.ENOMEM), "it cannot be looked at: cannot allocate memory"},
		"loop":         {instead(func(path string) error { return os.Symlink(path, path) }), "it cannot be looked at: "},
		"pipe":         {instead(func(path string) error { return syscall.Mkfifo(path, 0o600) }), "it is a pipe and no file"},
		"directory":    {instead(func(path string) error { return os.Mkdir(path, 0o700) }), "it is a directory and no file"},
		"device":       {instead(func(path string) error { return os.Symlink("/dev/zero", path) }), "it is a device and no file"},
		"empty device": {instead(func(path string) error { return os.Symlink("/dev/null", path) }), "it is a device and no file"},
		"socket":       {instead(func(path string) (err error) { listener, err = net.Listen("unix", path); return err }), "it is a socket and no file"},
		"unreadable":   {instead(func(path string) error { return os.Symlink("/proc/self/mem", path) }), "it cannot be read: input/output error"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.json")
			before := newFile(t, path)
			save(t, before, record("k"))
			before.Close()
			if err := os.Chtimes(path, stamp, stamp); err != nil {
				t.Fatal(err)
			}
			f := newFile(t, path)
			mend := c.spoil(t, path, f)
			for range 3 {
				r, _, err := f.Load(t.Context())
				lost, ok := errors.AsType[*LostError](err)
				if !ok || !lost.Unseen || !strings.HasPrefix(lost.Why, c.why) || strings.Contains(lost.Why, path) {
					t.Fatalf("%v", err)
				}
				if unknown := lost.Stamp.IsZero(); unknown != (name != "unreadable") || unknown && !r.Lost.Equal(f.began) || !unknown && !r.Lost.Equal(lost.Stamp) {
					t.Errorf("lost at %s, stamp %s", r.Lost, lost.Stamp)
				}
				if err := f.Save(t.Context(), r); err == nil {
					t.Fatal("it is replaced by what knows nothing of it")
				}
			}
			if listener != nil {
				listener.Close() // which takes its path along
			}
			mend()
			if r, changed := load(t, f); !changed || len(r.Windows) != 1 || !r.Lost.IsZero() {
				t.Errorf("changed %v: %+v", changed, r)
			}
			save(t, f, record("k"))
			if _, err := os.Stat(path + ".lost"); err == nil {
				t.Error("what was never lost is kept as lost")
			}
		})
	}
}

// TestFileUnseenConflict: a Save that comes first finds what could not be looked at.
func TestFileUnseenConflict(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	before := newFile(t, path)
	save(t, before, record("k"))
	before.Close()
	f := newFile(t, path)
	f.stat = func(path string) (fs.FileInfo, error) { return nil, syscall.ESTALE }
	f.Load(t.Context())
	f.stat = os.Stat
	if conflict, ok := errors.AsType[*supervisor.ConflictError](f.Save(t.Context(), machine.Record{})); !ok || len(conflict.Found.Windows) != 1 {
		t.Errorf("%+v", conflict)
	}
}

// TestFileClearUnseen: an operator may drop what cannot be read, but not unseen
// what could be read when the question was asked, and never what is no file.
func TestFileClearUnseen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	f := newFile(t, path)
	save(t, f, record("k"))
	load(t, f)
	f.stat = func(path string) (fs.FileInfo, error) { return nil, syscall.EIO }
	if err := f.Clear(t.Context(), time.Now()); err == nil {
		t.Error("a readable window is dropped because of a moment's fault")
	}
	f.Load(t.Context())
	if err := f.Clear(t.Context(), time.Now()); err != nil {
		t.Error(err)
	}
	f.stat = os.Stat
	if r, _ := load(t, f); r.Cleared.IsZero() {
		t.Errorf("%+v", r)
	}
	os.Remove(path)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f.Load(t.Context())
	if err := f.Clear(t.Context(), time.Now()); err == nil {
		t.Error("a pipe is replaced")
	}
}

// TestFileStampAhead: a file that was written by a clock ahead of ours was written
// just now, so that the silence has its length and no more.
func TestFileStampAhead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ahead := time.Now().Add(time.Hour)
	if err := os.Chtimes(path, ahead, ahead); err != nil {
		t.Fatal(err)
	}
	if r, _, err := newFile(t, path).Load(t.Context()); err == nil || time.Since(r.Lost) < 0 || time.Since(r.Lost) > time.Minute {
		t.Errorf("%v: lost at %s", err, r.Lost)
	}
}

// TestFilePlaces: where no file can be, saving says so; loading finds nothing, or
// says why it cannot know. No directory is a first start; one that is a file is not.
func TestFilePlaces(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, readable := range map[string]bool{
		"/proc/sidecar-state.json":                                    true,
		filepath.Join(dir, "absent", "state.json"):                    true,
		filepath.Join(dir, "file", "state.json"):                      false,
		filepath.Join(dir, strings.Repeat("long", 100), "state.json"): false,
		dir: false,
	} {
		f := newFile(t, path)
		_, _, err := f.Load(t.Context())
		if _, lost := errors.AsType[*LostError](err); lost == readable || (err == nil) != readable {
			t.Errorf("%s: load: %v", path, err)
		}
		if err := f.Save(t.Context(), record("k")); err == nil {
			t.Errorf("%s: it could be saved", path)
		}
	}
}

// TestFilePipes: no pipe keeps anybody waiting, wherever one has been put.
func TestFilePipes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	for _, pipe := range []string{path, path + ".lock", path + ".write"} {
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := newFile(t, path)
	f.stat = func(string) (fs.FileInfo, error) { return os.Stat(os.Args[0]) } // a file, at the first look
	_, _, err := f.Load(t.Context())
	if lost, ok := errors.AsType[*LostError](err); !ok || !strings.Contains(lost.Why, "it is no file any more") {
		t.Errorf("%v", err)
	}
	os.Remove(path)
	f.stat = os.Stat
	save(t, f, record("k"))
}

// TestFileUnguarded: where the second lock cannot be had, writing goes on without
// it, and says so.
func TestFileUnguarded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	f := newFile(t, path)
	if err := os.Mkdir(path+".write", 0o700); err != nil {
		t.Fatal(err)
	}
	save(t, f, record("k"))
	if err := f.Clear(t.Context(), time.Now()); err != nil || f.Unguarded() == nil {
		t.Errorf("%v, unguarded: %v", err, f.Unguarded())
	}
	os.Remove(path + ".write")
	if save(t, f, record("k")); f.Unguarded() != nil {
		t.Errorf("unguarded: %v", f.Unguarded())
	}
}

// TestFileOwner: root's clear leaves the file to the one whose it is.
func TestFileOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("CI is not root")
		}
		t.Skip("only root can give a file away")
	}
	path := filepath.Join(t.TempDir(), "state.json")
	f := newFile(t, path)
	save(t, f, record("k"))
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := f.Clear(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Sys().(*syscall.Stat_t).Uid != 65534 || info.Mode().Perm() != 0o600 {
		t.Errorf("%+v, %v", info, err)
	}
}
