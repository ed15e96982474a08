package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocsDesign: every test and story that docs/design.md relies on is there,
// each of the eight invariants has one, and each direct dependency has its reason.
func TestDocsDesign(t *testing.T) {
	design, err := os.ReadFile("../../docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	err = filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		tests.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z]+)`").FindAllStringSubmatch(string(design), -1) {
		if !strings.Contains(tests.String(), "func "+name[1]+"(") {
			t.Errorf("there is no %s", name[1])
		}
	}
	held := docTables(t, "design.md")["Invariants and their tests"]
	for _, row := range held {
		if !strings.Contains(row[2], "`Test") && !strings.Contains(row[2], "`Fuzz") {
			t.Errorf("invariant %s is held by nothing", row[0])
		}
		for _, name := range quoted(row[2]) {
			if strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz") {
				continue
			}
			story, _ := filepath.Glob("../../internal/supervisor/testdata/stories/" + name + ".txt")
			script, _ := filepath.Glob("testdata/script/" + name + ".txtar")
			if len(story)+len(script) != 1 {
				t.Errorf("there is no story or script %s", name)
			}
		}
	}
	if len(held) != 8 {
		t.Errorf("%d invariants", len(held))
	}
	modules, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, direct := range regexp.MustCompile(`(?m)^\t(?:github\.com/)?(\S+) v\S+$`).FindAllStringSubmatch(string(modules), -1) {
		if !strings.Contains(string(design), "`"+direct[1]+"`") {
			t.Errorf("%s has no reason in docs/design.md", direct[1])
		}
	}
}
