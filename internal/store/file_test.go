package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

func record(key string) machine.Record {
	at := time.Date(2026, 1, 18, 15, 0, 0, 0, time.UTC)
	return machine.Record{
		Windows:  []machine.Window{{Key: key, Trigger: machine.TriggerCircuitBreaker, Opened: at, Until: at.Add(15 * time.Minute), InRow: 1}},
		Verdict:  machine.Verdict{Key: key, Credential: "c", DSN: "d", State: machine.Lockout, Reason: machine.ReasonLockout, Since: at, Next: at.Add(15 * time.Minute)},
		Attempt:  machine.Begun{At: at, InRow: 2},
		Bans:     map[string]machine.Ban{key: {Rejected: at, Open: true}},
		Rejected: []machine.Rejection{{Key: key, Credential: "c", First: at, Since: at, Until: at.Add(20 * time.Minute)}},
	}
}

func load(t *testing.T, f *File) (machine.Record, bool) {
	t.Helper()
	r, changed, err := f.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r, changed
}

func save(t *testing.T, f *File, r machine.Record) {
	t.Helper()
	if err := f.Save(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func newFile(t *testing.T, path string) *File {
	f := NewFile(path)
	t.Cleanup(func() { f.Close() })
	return f
}

// TestFileRestart: what one process saves the next one loads, with the salt that
// makes its fingerprints.
func TestFileRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	first := newFile(t, path)
	if r, changed := load(t, first); changed || !cmp.Equal(r, machine.Record{}) {
		t.Errorf("a first start found %+v, changed %v", r, changed)
	}
	want := record("k")
	save(t, first, want)
	if _, changed := load(t, first); changed {
		t.Error("what it wrote itself is no change")
	}
	first.Close()
	second := newFile(t, path)
	got, changed := load(t, second)
	if diff := cmp.Diff(want, got); diff != "" || !changed || string(second.Salt()) != string(first.Salt()) {
		t.Errorf("changed %v:\n%s", changed, diff)
	}
	save(t, second, machine.Record{})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestFileSecond: a second process reads and cannot write, until the first has
// ended; then it is told what that one wrote last before it writes itself.
func TestFileSecond(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	first, second := newFile(t, path), newFile(t, path)
	load(t, first)
	load(t, second)
	save(t, first, record("old"))
	conflict, ok := errors.AsType[*supervisor.ConflictError](second.Save(t.Context(), record("other")))
	if !ok || conflict.Found.Windows[0].Key != "old" {
		t.Errorf("a second process does not hear of the first one's window: %+v", conflict)
	}
	if err := second.Save(t.Context(), record("other")); !errors.Is(err, errOwned) {
		t.Errorf("a second process saves: %v", err)
	}
	save(t, first, record("new"))
	if r, changed := load(t, second); !changed || r.Windows[0].Key != "new" {
		t.Errorf("it reads %+v", r)
	}
	save(t, first, record("newest"))
	first.Close()
	conflict, ok = errors.AsType[*supervisor.ConflictError](second.Save(t.Context(), record("other")))
	if !ok || conflict.Found.Windows[0].Key != "newest" {
		t.Fatalf("%+v", conflict)
	}
	save(t, second, record("other"))
	if r, _ := load(t, newFile(t, path)); r.Windows[0].Key != "other" {
		t.Errorf("stored is %+v", r)
	}
}

// TestFileClear: an operator's word gets past the lock, and whoever holds it hears
// of it. It drops what was there when it was asked for, and nothing later.
func TestFileClear(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	running, operator := newFile(t, path), newFile(t, path)
	load(t, running)
	save(t, running, record("old"))
	load(t, operator)
	asked := time.Now()
	later := record("old")
	later.Windows = append(later.Windows, machine.Window{Key: "later", Opened: asked.Add(time.Millisecond), Until: asked.Add(time.Hour)})
	later.Attempt = machine.Begun{At: asked.Add(2 * time.Millisecond), InRow: 1}
	save(t, running, later) // while the operator reads the question
	time.Sleep(3 * time.Millisecond)
	if err := operator.Clear(t.Context(), asked); err != nil {
		t.Fatal(err)
	}
	conflict, ok := errors.AsType[*supervisor.ConflictError](running.Save(t.Context(), record("k")))
	if !ok {
		t.Fatal("it wrote over the operator's word")
	}
	if found := conflict.Found; !found.Cleared.Equal(asked) || len(found.Windows) != 1 || found.Windows[0].Key != "later" || found.Attempt.InRow != 1 ||
		found.Verdict != (machine.Verdict{}) || len(found.Rejected)+len(found.Bans) > 0 {
		t.Errorf("cleared is %+v", found)
	}
	save(t, running, record("k"))
	if string(operator.Salt()) != string(running.Salt()) {
		t.Error("the fingerprints are worth nothing any more")
	}
	ahead := record("k") // of a clock ahead of the operator's
	ahead.Lost, ahead.Windows[0].Opened, ahead.Windows[0].Until = asked.Add(time.Hour), asked.Add(time.Hour), asked.Add(2*time.Hour)
	save(t, running, ahead)
	load(t, operator)
	if err := operator.Clear(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if r, changed := load(t, running); !changed || !cmp.Equal(r, machine.Record{Cleared: r.Cleared}) {
		t.Errorf("cleared is %+v", r)
	}
	os.Remove(path) // that is nobody's word
	if _, changed := load(t, running); changed {
		t.Error("a file that is gone says that something has changed")
	}
	save(t, running, record("k"))
}

// TestFileLink: a link is followed, also one to a file that is still to come.
func TestFileLink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "volume"), 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "state.json")
	if err := os.Symlink("volume/real.json", link); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"first", "second"} {
		f := newFile(t, link)
		load(t, f)
		save(t, f, record(key))
		f.Close()
		if r, _ := load(t, newFile(t, filepath.Join(dir, "volume", "real.json"))); r.Windows[0].Key != key {
			t.Errorf("behind the link stands %+v", r)
		}
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v, %v", info.Mode(), err)
	}
}

// TestFileLost: whatever stands there and cannot be read is lost since it was
// written, and is kept when something new is written (invariant 6).
func TestFileLost(t *testing.T) {
	stamp := time.Date(2026, 1, 18, 15, 0, 0, 0, time.UTC)
	whole, err := encode(content{version, stamp, "r-1", []byte("salt"), record("k")})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty": "", "blank": " \n", "zeroes": strings.Repeat("\x00", 512), "other": "[]", "nothing": "{}",
		"newer": `{"version": 2, "written_at": "2026-01-18T15:00:00Z"}`, "older": strings.Replace(string(whole), `"version": 1`, `"version": 0`, 1),
		"half":         string(whole[:len(whole)/2]),
		"twice":        string(whole) + string(whole),
		"half window":  strings.Replace(string(whole), `"until"`, `"til"`, 1),
		"no time":      strings.Replace(string(whole), `"written_at"`, `"written"`, 1),
		"huge":         strings.Repeat(" ", maxSize) + string(whole),
		"not a number": strings.Replace(string(whole), `"in_a_row": 1`, `"in_a_row": "one"`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.json")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, stamp, stamp); err != nil {
				t.Fatal(err)
			}
			f := newFile(t, path)
			r, changed, err := f.Load(t.Context())
			if _, lost := errors.AsType[*LostError](err); !lost || !changed || !r.Lost.Equal(stamp) || len(r.Windows) > 0 {
				t.Fatalf("%v: %+v", err, r)
			}
			save(t, f, r)
			if got, _ := load(t, newFile(t, path)); !got.Lost.Equal(stamp) {
				t.Errorf("a restart finds %+v", got)
			}
			if kept, err := os.ReadFile(path + ".lost"); err != nil || string(kept) != text {
				t.Errorf("the lost file was not kept: %v", err)
			}
		})
	}
}

// TestFileTorn: no beginning of a stored text is taken for the whole of it.
func TestFileTorn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := record(rapid.StringMatching(`[0-9a-f]{8}`).Draw(t, "key"))
		if rapid.Bool().Draw(t, "no window") {
			r.Windows = nil
		}
		text, err := encode(content{version, now(), "r-1", newSalt(), r})
		if err != nil {
			t.Fatal(err)
		}
		if c, err := decode(text); err != nil || !cmp.Equal(c.Record, r) {
			t.Fatalf("%v: %+v", err, c)
		}
		if at := rapid.IntRange(0, len(text)-2).Draw(t, "cut"); at >= 0 {
			if _, err := decode(text[:at]); err == nil {
				t.Fatalf("%q was taken for the whole", text[:at])
			}
		}
	})
}
