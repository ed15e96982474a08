package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shipped are the systems of a release, as the Makefile has them, and of the
// images. Those that are not built here have the files of one that is.
var shipped = map[string]string{
	"linux/amd64": "", "linux/arm64": "", "darwin/arm64": "", "windows/amd64": "",
	"darwin/amd64": "darwin/arm64", "windows/arm64": "windows/amd64",
}

// goFor runs the go command for a system.
func goFor(t *testing.T, system string, args ...string) string {
	t.Helper()
	goos, goarch, _ := strings.Cut(system, "/")
	command := exec.Command("go", args...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: go %s: %v\n%s", system, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestCrossBuild: the program builds for every system that it is shipped for.
func TestCrossBuild(t *testing.T) {
	files := func(system string) string {
		return goFor(t, system, "list", "-deps", "-f", `{{with .Module}}{{if .Main}}{{$.GoFiles}}{{end}}{{end}}`, ".")
	}
	for system, same := range shipped {
		switch {
		case same == "":
			goFor(t, system, "build", "-o", filepath.Join(t.TempDir(), "sidecar"), ".")
		case files(system) != files(same):
			t.Errorf("%s and %s have other files, so both have to be built", system, same)
		}
	}
}
