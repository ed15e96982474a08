package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands are all there are, with the root.
func commands(root *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{root}
	for _, below := range root.Commands() {
		all = append(all, commands(below)...)
	}
	return all
}

// called finds what stands behind the program's name in a command line.
var called = regexp.MustCompile(`(?:^|[ (])sidecar\b(.*)`)

// TestHelpTexts: each command says what it does; one with flags or arguments
// shows an example, and every example is a command line that there is.
func TestHelpTexts(t *testing.T) {
	root := newRoot(streams{})
	root.InitDefaultHelpCmd()
	all := commands(root)
	if len(all) < 15 {
		t.Fatalf("only %d commands", len(all))
	}
	for _, command := range all {
		flags := 0
		command.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			if flags++; f.Usage == "" || strings.HasSuffix(f.Usage, ".") {
				t.Errorf("%s --%s: %q", command.CommandPath(), f.Name, f.Usage)
			}
		})
		if command.Short == "" || strings.HasSuffix(command.Short, ".") {
			t.Errorf("%s: %q", command.CommandPath(), command.Short)
		}
		if simple := flags == 0 && !strings.Contains(command.Use, " "); command.Runnable() && !command.HasSubCommands() && !simple && command.Example == "" {
			t.Errorf("%s has no example", command.CommandPath())
		}
		for line := range strings.Lines(command.Example) {
			line, _, _ = strings.Cut(line, "#")
			call := called.FindStringSubmatch(line)
			if call == nil {
				t.Errorf("%s: no command in the example %s", command.CommandPath(), line)
				continue
			}
			words := strings.Fields(call[1])
			about, _, err := root.Find(words)
			if err != nil || about != command && command != root {
				t.Errorf("%s has the example of another: %s", command.CommandPath(), line)
			}
			own, _, _ := strings.Cut(call[1]+" ", " -- ") // what follows is another program's
			for word := range strings.FieldsSeq(own) {
				if name, ok := strings.CutPrefix(word, "--"); ok && about.Flags().Lookup(name) == nil {
					t.Errorf("%s has no flag --%s", command.CommandPath(), name)
				}
			}
		}
	}
}

// TestManual: the package comment, which is the manual, lists every command and no
// other.
func TestManual(t *testing.T) {
	text, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	manual, _, _ := strings.Cut(string(text), "\npackage main\n")
	for _, command := range commands(newRoot(streams{}))[1:] {
		if line := "//\t" + strings.Replace(command.CommandPath(), "sidecar serve", "sidecar [serve]", 1); !command.HasSubCommands() && !strings.Contains(manual, line+" ") {
			t.Errorf("the manual does not list %s", command.CommandPath())
		}
	}
	for line := range strings.Lines(manual) {
		if entry, ok := strings.CutPrefix(line, "//\tsidecar "); ok {
			name := strings.Trim(strings.Fields(entry)[0], "[]")
			if !slices.ContainsFunc(newRoot(streams{}).Commands(), func(c *cobra.Command) bool { return c.Name() == name }) {
				t.Errorf("the manual lists %s", line)
			}
		}
	}
}
