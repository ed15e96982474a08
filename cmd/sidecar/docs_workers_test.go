package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/pflag"

	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestDocsWorkerFlags: docs/workers.md has every flag of run and wait with its
// default, and no other.
func TestDocsWorkerFlags(t *testing.T) {
	tables := docTables(t, "workers.md")
	root := newRoot(streams{})
	for _, name := range []string{"run", "wait"} {
		documented := make(map[string]string)
		for _, row := range tables[name] {
			documented[quoted(row[0])[0]] = strings.Trim(row[1], "`-")
		}
		command, _, err := root.Find([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		command.Flags().VisitAll(func(f *pflag.Flag) {
			said, ok := documented["--"+f.Name]
			is, want := said, f.DefValue
			if d, err := machine.ParseSpan(said); err == nil && d > 0 { // 20m is 20m0s
				is = d.String()
			}
			if !ok || is != want {
				t.Errorf("%s --%s: documented default %q, it is %q", name, f.Name, said, f.DefValue)
			}
			delete(documented, "--"+f.Name)
		})
		for flag := range documented {
			t.Errorf("%s has no %s", name, flag)
		}
	}
}

// TestDocsWorkerCodes: the exit codes of docs/workers.md are those of the code.
func TestDocsWorkerCodes(t *testing.T) {
	want := []int{exit.OK, exit.Failure, exit.Usage, exit.Lockout, exit.NotExecutable, exit.Missing}
	signals := map[string]syscall.Signal{"SIGHUP": syscall.SIGHUP, "SIGINT": syscall.SIGINT, "SIGQUIT": syscall.SIGQUIT, "killed": syscall.SIGKILL, "SIGTERM": syscall.SIGTERM}
	var documented []int
	for _, row := range docTables(t, "workers.md")["Exit codes"] {
		code, err := strconv.Atoi(quoted(row[0])[0])
		if err != nil {
			t.Fatal(err)
		}
		documented = append(documented, code)
		for name, s := range signals {
			if strings.Contains(row[2], name) && code != 128+int(s) {
				t.Errorf("%s is documented as %d", name, code)
			}
		}
		if code > 128 {
			want = append(want, code)
		}
	}
	if !slices.Equal(documented, want) || len(want) != 6+len(signals) {
		t.Errorf("documented %v, want %v", documented, want)
	}
}

// TestDocsExamples: docs/workers.md names every example, and none is longer than
// 30 lines.
func TestDocsExamples(t *testing.T) {
	var documented []string
	for _, row := range docTables(t, "workers.md")["Examples"] {
		documented = append(documented, quoted(row[0])[0])
	}
	files, err := filepath.Glob("../../examples/*.*")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, "../../examples/pgxpool/gate.go") // in a folder, since a program in Go has one
	for _, file := range files {
		if name := strings.TrimPrefix(file, "../../examples/"); !slices.Contains(documented, name) {
			t.Errorf("%s is not documented", name)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "\n"); n == 0 || n > 30 {
			t.Errorf("%s has %d lines", file, n)
		}
	}
	if len(files) != len(documented) {
		t.Errorf("%d examples, documented %v", len(files), documented)
	}
}
