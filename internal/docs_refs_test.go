package internal

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// unseen finds references by number to documents that are not in the repository,
// also where a line breaks before the number.
var unseen = regexp.MustCompile(`(?i)\b(contract|facts|seed)(\s*(//|#))? [0-9]`)

// TestRefsUnseen: a reason stands where the reader can open it.
func TestRefsUnseen(t *testing.T) {
	for path, text := range texts(t, ".go", ".py", ".sh", ".sql", ".toml", ".ts", "Makefile", "Dockerfile", "scripts/", ".ci/") {
		for _, at := range unseen.FindAllStringIndex(text, -1) {
			t.Errorf("%s: %q: name a page and its section, such as docs/facts.md#pgbouncer-memory", position(path, text, at[0]), text[at[0]:at[1]])
		}
	}
}

// TestRefsInCode: every page and section that a Go file names is there.
func TestRefsInCode(t *testing.T) {
	reference := regexp.MustCompile(`\bdocs/([\w-]+\.md)(?:#([\w-]+))?`)
	sections := anchors(t)
	for path, text := range texts(t, ".go") {
		for _, at := range reference.FindAllStringSubmatchIndex(text, -1) {
			page, section := text[at[2]:at[3]], ""
			if at[4] >= 0 {
				section = text[at[4]:at[5]]
			}
			if known, ok := sections["docs/"+page]; !ok || section != "" && !slices.Contains(known, section) {
				t.Errorf("%s: %s leads nowhere", position(path, text, at[0]), text[at[0]:at[1]])
			}
		}
	}
}

// TestRefsInPages: every link from a page to another leads somewhere, and so does
// every file of the repository that a page names.
func TestRefsInPages(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:\s]*)(?:#([^)\s]+))?\)`)
	file := regexp.MustCompile("`((?:cmd|internal|deploy|scripts|examples)/[\\w./-]+)`")
	sections := anchors(t)
	for path, text := range texts(t, ".md") {
		text = prose(text)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target := path
			if m[1] != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(path), m[1]))
			}
			if _, err := os.Stat(filepath.Join("..", target)); err != nil || m[2] != "" && !slices.Contains(sections[target], m[2]) {
				t.Errorf("%s: %s leads nowhere", path, m[0])
			}
		}
		for _, m := range file.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
				t.Errorf("%s: there is no %s", path, m[1])
			}
		}
	}
}

// anchors are the sections of each page, as GitHub names them: the heading in
// lower case without punctuation, its spaces as hyphens, and a number behind one
// that is there already. A page may also set one by hand, with <a id="...">.
func anchors(t *testing.T) map[string][]string {
	t.Helper()
	heading := regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	byHand := regexp.MustCompile(`<a id="([^"]+)">`)
	punctuation := regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	all := make(map[string][]string)
	for path, text := range texts(t, ".md") {
		all[path] = []string{}
		seen := make(map[string]int)
		for _, m := range heading.FindAllStringSubmatch(prose(text), -1) {
			slug := strings.ReplaceAll(punctuation.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")
			again := seen[slug]
			seen[slug]++
			if again > 0 {
				slug += "-" + strconv.Itoa(again)
			}
			all[path] = append(all[path], slug)
		}
		for _, m := range byHand.FindAllStringSubmatch(text, -1) {
			if slices.Contains(all[path], m[1]) {
				t.Errorf("%s has the section %s twice", path, m[1])
			}
			all[path] = append(all[path], m[1])
		}
	}
	return all
}

// prose is a page without its blocks of code, where a # begins no heading.
func prose(text string) string {
	return regexp.MustCompile("(?ms)^```.*?^```").ReplaceAllString(text, "")
}

// texts are the files of the repository with one of these endings, or below one
// of these folders, by their path from the root.
func texts(t *testing.T, kinds ...string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(filepath.ToSlash(path), "../")
		if entry.IsDir() {
			if name == ".git" || name == "bin" {
				return filepath.SkipDir
			}
			return nil
		}
		if !slices.ContainsFunc(kinds, func(kind string) bool {
			return strings.HasSuffix(name, kind) || strings.HasSuffix(kind, "/") && strings.HasPrefix(name, kind)
		}) {
			return nil
		}
		data, err := os.ReadFile(path)
		all[name] = string(data)
		return err
	})
	if err != nil || len(all) < 5 {
		t.Fatalf("%d files: %v", len(all), err)
	}
	return all
}

// position is where in a file something stands, for an editor to jump to.
func position(path, text string, at int) string {
	return path + ":" + strconv.Itoa(1+strings.Count(text[:at], "\n"))
}
