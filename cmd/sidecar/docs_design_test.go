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
	if len(held) != 9 {
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

// TestDocsMutants: each invariant has a mutant that breaks it, whose text is in the
// code, and which is caught by tests that the invariant's row names.
func TestDocsMutants(t *testing.T) {
	rows := make(map[string][]string)
	for _, row := range docTables(t, "design.md")["Invariants and their tests"] {
		rows[row[0]] = quoted(row[2])
	}
	text, err := os.ReadFile("../../scripts/mutants.txt")
	if err != nil {
		t.Fatal(err)
	}
	broken := make(map[string]bool)
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSpace(line), "~")
		name := regexp.MustCompile(`^\[(\d)\] `).FindStringSubmatch(fields[0])
		if name == nil {
			continue
		}
		code, err := os.ReadFile("../../" + fields[1])
		if err != nil || strings.Count(string(code), strings.TrimSuffix(fields[2], "\n")) != 1 {
			t.Errorf("%s: %v, or its text does not stand there once", fields[0], err)
		}
		if caught := caughtBy(t, fields[len(fields)-1], rows[name[1]]); caught == "" {
			t.Errorf("%s is caught by none of %v", fields[0], rows[name[1]])
		}
		broken[name[1]] = true
	}
	for invariant := range rows {
		if !broken[invariant] {
			t.Errorf("no mutant breaks invariant %s", invariant)
		}
	}
}

// caughtBy is a test, of those that an invariant names, which "go test ARGUMENTS" runs.
func caughtBy(t *testing.T, arguments string, tests []string) string {
	words := strings.Fields(arguments)
	dir, below := strings.CutSuffix(words[0], "/...")
	run := regexp.MustCompile("")
	if len(words) > 2 && words[1] == "-run" {
		run = regexp.MustCompile(words[2])
	}
	var found string
	err := filepath.WalkDir(filepath.Join("../..", dir), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") || !below && filepath.Dir(path) != filepath.Join("../..", dir) {
			return err
		}
		text, err := os.ReadFile(path)
		for _, name := range tests {
			if run.MatchString(name) && strings.Contains(string(text), "func "+name+"(") {
				found = name
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
