package disk

import (
	"os"
	"path/filepath"
	"testing"
)

// TestReplace: a file is made or replaced as a whole, for its owner alone, and nothing
// is left beside it, also where it cannot be.
func TestReplace(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "state.json")
	for _, text := range []string{"first, and long", "second"} {
		prepared := false
		if err := Replace(path, []byte(text), func(*os.File) { prepared = true }); err != nil || !prepared {
			t.Fatal(err, prepared)
		}
		if err := SyncFolder(folder); err != nil {
			t.Error(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := os.Mkdir(filepath.Join(folder, "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Replace(filepath.Join(folder, "taken"), nil, nil); err == nil {
		t.Error("a folder was replaced")
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 2 {
		t.Errorf("%v, %v", left, err)
	}
}
