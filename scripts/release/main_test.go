package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// TestReproducible: two clones in different folders give the same bytes.
func TestReproducible(t *testing.T) {
	t.Parallel()
	var first string
	for _, folder := range []string{"a", "a/longer/path"} {
		clone := filepath.Join(t.TempDir(), folder)
		if err := os.MkdirAll(clone, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"cmd", "internal", "docs", "scripts"} {
			if err := os.CopyFS(filepath.Join(clone, part), os.DirFS(filepath.Join(root, part))); err != nil {
				t.Fatal(err)
			}
		}
		for _, file := range []string{"go.mod", "go.sum", "tools.mod", "tools.sum", "CHANGELOG.md", "LICENSE", "README.md"} {
			text, err := os.ReadFile(filepath.Join(root, file))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(clone, file), text, 0o600); err != nil { // another mode than the clone's
				t.Fatal(err)
			}
		}
		command := exec.Command("go", "run", "./scripts/release", "-version", "v1.2.3", "-commit", "abc", "-time", "1767225600", "linux/arm64")
		command.Dir = clone
		sums, err := command.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, sums)
		}
		if strings.Count(string(sums), "  sidecar_1.2.3_linux_arm64.") != 2 || first != "" && string(sums) != first {
			t.Errorf("%s\nand before\n%s", sums, first)
		}
		first = string(sums)
		bill, err := os.ReadFile(filepath.Join(clone, "bin/release/sidecar_1.2.3_linux_arm64.cdx.json"))
		var about struct {
			Metadata struct{ Tools []map[string]any }
		}
		if err != nil || json.Unmarshal(bill, &about) != nil || len(about.Metadata.Tools) != 1 || about.Metadata.Tools[0]["hashes"] != nil {
			t.Errorf("the bill of materials has sums that another machine's would not have: %v", err)
		}
	}
}

// TestWithoutHome: make tells go and npm where the user's home is when nobody else does.
func TestWithoutHome(t *testing.T) {
	me, err := user.LookupId(strconv.Itoa(os.Getuid()))
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("make", "-C", root, "--no-print-directory", "--eval", "home: ; @echo $$HOME", "home")
	command.Env = []string{"PATH=" + os.Getenv("PATH")}
	if out, err := command.CombinedOutput(); err != nil || string(out) != me.HomeDir+"\n" {
		t.Errorf("%v: %s, want %s", err, out, me.HomeDir)
	}
}

// TestActionsArePinned: a tag can be moved, a commit cannot; the version is for people.
func TestActionsArePinned(t *testing.T) {
	files, err := filepath.Glob(root + "/.github/workflows/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	pinned := regexp.MustCompile(`^[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, uses := range regexp.MustCompile(`(?m)uses: (.*)$`).FindAllSubmatch(text, -1) {
			if !pinned.Match(uses[1]) {
				t.Errorf("%s: %s", filepath.Base(file), uses[1])
			}
		}
	}
}
