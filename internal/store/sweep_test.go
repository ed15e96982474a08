package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestFileSweeps: what killed processes left half written is removed, and nothing
// else: not a neighbour's, nor what may be one.
func TestFileSweeps(t *testing.T) {
	const half = "5577006791947779410" // renameio's suffix
	for name, others := range map[string][]string{
		"state.json": {".other.json" + half, ".state.json.swp", ".state.json.x" + half, ".state.json" + half + ".x", "state.json.bak"},
		"state":      {".state2.json" + half, ".state2" + half, ".stately" + half, "state2", "state2.json"},
	} {
		dir := t.TempDir()
		for _, file := range append(others, "."+name+half, "."+name+"0") {
			if err := os.WriteFile(filepath.Join(dir, file), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.MkdirAll(filepath.Join(dir, "."+name+"1", "full"), 0o700); err != nil { // is not to be removed
			t.Fatal(err)
		}
		save(t, newFile(t, filepath.Join(dir, name)), record("k"))
		entries, err := os.ReadDir(dir)
		var names []string
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		want := append(others, "."+name+"1", name, name+".lock", name+".write")
		less := func(a, b string) bool { return a < b }
		if diff := cmp.Diff(want, names, cmpopts.SortSlices(less)); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	}
}

// TestFileTwoStores: two stores in one directory keep out of each other's way, the
// half-written file of one while the other begins included.
func TestFileTwoStores(t *testing.T) {
	dir := t.TempDir()
	first, second := newFile(t, filepath.Join(dir, "state2.json")), newFile(t, filepath.Join(dir, "state"))
	save(t, first, record("first"))
	pending := filepath.Join(dir, ".state2.json42")
	if err := os.WriteFile(pending, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	save(t, second, record("second"))
	if _, err := os.Stat(pending); err != nil {
		t.Error(err)
	}
	save(t, first, record("first"))
	for f, key := range map[*File]string{first: "first", second: "second"} {
		if r, _ := load(t, f); r.Windows[0].Key != key {
			t.Errorf("%+v", r)
		}
	}
}
