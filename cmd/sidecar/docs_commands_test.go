package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"dragonfly.internal/sidecar/internal/apisim"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestDocsCommands: docs/commands.md has every command and every flag, and no
// other.
func TestDocsCommands(t *testing.T) {
	tables := docTables(t, "commands.md")
	var names, flags, namesWanted, flagsWanted []string
	for _, row := range tables["Which"] {
		names = append(names, quoted(row[0])[0])
	}
	for _, row := range tables["Flags"] {
		flags = append(flags, quoted(row[0])[0]+" "+quoted(row[1])[0])
	}
	root := newRoot(streams{})
	root.InitDefaultHelpCmd()
	for _, command := range commands(root)[1:] {
		if !command.HasSubCommands() {
			namesWanted = append(namesWanted, command.CommandPath())
		}
		command.Flags().VisitAll(func(f *pflag.Flag) { flagsWanted = append(flagsWanted, command.CommandPath()+" --"+f.Name) })
	}
	for what, both := range map[string][2][]string{"commands": {names, namesWanted}, "flags": {flags, flagsWanted}} {
		slices.Sort(both[0])
		slices.Sort(both[1])
		if !slices.Equal(both[0], both[1]) {
			t.Errorf("%s: docs/commands.md has %q, the code %q", what, both[0], both[1])
		}
	}
}

// TestDocsInvocations: what a page or a shipped file has somebody run is there: the
// command, each of its flags, and the target of make.
func TestDocsInvocations(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	invocation := regexp.MustCompile("(?m)(?:`|^(?:\\$ )?|[\"\\[ /]/|local/bin/)(?:bin/)?sidecar,? ([a-z-][^`\n|;&#)\"\\]]*)")
	target := regexp.MustCompile("(?m)(?:^|`|run: )make ([a-z-]+)")
	n := 0
	for _, pattern := range []string{"*.md", "docs/*.md", ".railway/*.ts", "deploy/*.*", "deploy/*/*.*", "deploy/kubernetes/*/*", "examples/*.*", ".github/workflows/*"} {
		files, err := filepath.Glob("../../" + pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for i, part := range strings.Split(string(text), "```") {
				if strings.HasSuffix(file, ".md") && i%2 == 0 { // prose, whose lines begin anywhere
					part = strings.ReplaceAll(part, "\n", " ")
				}
				for _, m := range target.FindAllStringSubmatch(part, -1) {
					if !strings.Contains(string(makefile), "\n"+m[1]+":") {
						t.Errorf("%s: the Makefile has no %s", file, m[1])
					}
				}
				for _, m := range invocation.FindAllStringSubmatch(part, -1) {
					n++
					if unknown := unknownWord(strings.Fields(strings.ReplaceAll(m[1], ",", " "))); unknown != "" {
						t.Errorf("%s: %s: there is no %s", file, m[0], unknown)
					}
				}
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d were found", n)
	}
}

// unknownWord is the command or flag among the words of a command line that there is
// not, if any. What follows a bare -- is another program's.
func unknownWord(words []string) string {
	root := newRoot(streams{})
	root.InitDefaultHelpCmd()
	command, rest, err := root.Find(words)
	if err != nil || command == root {
		return words[0]
	}
	for _, word := range rest {
		if word == "--" {
			break
		}
		if name, isFlag := strings.CutPrefix(word, "--"); isFlag && command.Flags().Lookup(name) == nil {
			return word
		}
	}
	return ""
}

// TestDocsJSON: the fields that docs/commands.md lists are those that come out.
func TestDocsJSON(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{Answer: activity})
	state := filepath.Join(t.TempDir(), "state.json")
	window := machine.Window{Key: "11111111", Trigger: machine.TriggerCircuitBreaker, Opened: time.Now(), Until: time.Now().Add(time.Hour), InRow: 1}
	if err := store.NewFile(state).Save(t.Context(), machine.Record{Windows: []machine.Window{window}}); err != nil {
		t.Fatal(err)
	}
	env := []string{"PORT=1", "SIDECAR_STATE=file:" + state, "DATABASE_URL=" + pooler.DSN("app", "pw-of-app", "appdb") + "&pgbouncer=true"} // with a finding
	api := apisim.Listen("iaketsyhmqbwaabgykux", apiToken, apisim.Requester)
	defer api.Close()
	supabase := []string{"PORT=1", "SUPABASE_MODE=prod", "SIDECAR_SUPABASE_API=" + api.URL, "SUPABASE_ACCESS_TOKEN=" + apiToken,
		"DATABASE_URL=postgresql://app:p@db.iaketsyhmqbwaabgykux.supabase.co:6543/app?sslmode=require"}
	tables := docTables(t, "commands.md")
	listed := func(heading string) (all []string) {
		for _, row := range tables[heading] {
			all = append(all, quoted(row[0])...)
		}
		return all
	}
	for command, want := range map[string][]string{
		"probe": listed("probe"), "verify": listed("verify"), "gate": listed("gate"), "dsn check": listed("dsn check"),
		"state show": listed("state show"),
		"bans":       listed("bans"), "bans lift --yes": listed("bans"),
		"sessions": slices.Concat(listed("probe"), listed("sessions")),
	} {
		var answer map[string]any
		with := env
		if strings.HasPrefix(command, "bans") {
			with = supabase
		}
		if code := runJSON(t, &answer, command+" --json", with...); code != exit.OK {
			t.Errorf("%s: exit code %d: %v", command, code, answer)
		}
		got := slices.Sorted(maps.Keys(flat("", answer)))
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("%s prints %q, docs/commands.md has %q", command, got, want)
		}
	}
}

// flat are the names of a JSON value's fields. A list stands before the fields of
// what is in it, an object stands for its fields alone.
func flat(prefix string, value any) map[string]bool {
	all := make(map[string]bool)
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			maps.Copy(all, flat(strings.TrimPrefix(prefix+"."+name, "."), inner))
		}
	case []any:
		all[prefix] = true
		for _, inner := range value {
			if _, object := inner.(map[string]any); object {
				maps.Copy(all, flat(prefix, inner))
			}
		}
	default:
		all[prefix] = true
	}
	return all
}
