package main

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra/doc"

	"dragonfly.internal/sidecar/internal/realpeer"
)

// TestManPages writes a page a command, into MAN if that is set ("make man"), and
// lets mandoc read them. Only here, so that the program does not carry what it takes.
func TestManPages(t *testing.T) {
	folder := cmp.Or(os.Getenv("MAN"), t.TempDir())
	root := newRoot(streams{})
	root.DisableAutoGenTag = true
	// A date that no clock says: the same words are the same pages.
	header := doc.GenManHeader{Section: "1", Source: "sidecar", Manual: "Pooler sidecar", Date: new(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))}
	if err := doc.GenManTree(root, &header, folder); err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(folder, "*.1"))
	if want := len(commands(newRoot(streams{}))); err != nil || len(pages) != want {
		t.Errorf("%d pages for %d commands", len(pages), want)
	}
	for _, page := range pages {
		out, _ := exec.Command(realpeer.Tool(t, "mandoc", "mandoc"), "-T", "lint", "-W", "error", page).CombinedOutput()
		if text := strings.TrimSpace(string(out)); text != "" {
			t.Error(text)
		}
	}
}
