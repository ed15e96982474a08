package realpeer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// program is an executable the tests need and the Debian package it is in.
type program struct {
	name, debian string
	places       []string // globs tried before PATH, the last match first
}

var (
	initdb    = program{"initdb", "postgresql", []string{"/usr/lib/postgresql/*/bin/initdb"}}
	postgres  = program{"postgres", "postgresql", []string{"/usr/lib/postgresql/*/bin/postgres"}}
	pgbouncer = program{"pgbouncer", "pgbouncer", []string{"/usr/sbin/pgbouncer"}}
)

// Missing says which program is not installed and which Debian package
// installs it; nil when the servers can be started.
var Missing = sync.OnceValue(func() error {
	if err := missing(initdb, postgres, pgbouncer); err != nil {
		return err
	}
	_, err := serverOwner()
	return err
})

func missing(programs ...program) error {
	var absent, packages []string
	for _, p := range programs {
		if _, err := p.path(); err != nil {
			absent = append(absent, p.name)
			packages = append(packages, p.debian)
		}
	}
	if absent == nil {
		return nil
	}
	return fmt.Errorf("not installed: %s (Debian: apt-get install %s)",
		strings.Join(absent, ", "), strings.Join(slices.Compact(packages), " "))
}

// Need skips the test when a program is missing, and fails it where CI=true:
// a machine that is meant to have everything must not pass by skipping.
func Need(t testing.TB) {
	t.Helper()
	need(t, Missing())
}

// Tool is [Need] for one program that is not a server, such as promtool; it
// returns where the program is.
func Tool(t testing.TB, name, debian string) string {
	t.Helper()
	tool := program{name: name, debian: debian}
	need(t, missing(tool))
	return tool.mustPath(t)
}

func need(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

// path finds the program where Debian puts it, else on the PATH.
func (p program) path() (string, error) {
	for _, place := range p.places {
		if found, _ := filepath.Glob(place); len(found) > 0 {
			return found[len(found)-1], nil
		}
	}
	return exec.LookPath(p.name)
}

// mustPath is path after [Need].
func (p program) mustPath(t testing.TB) string {
	t.Helper()
	path, err := p.path()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
