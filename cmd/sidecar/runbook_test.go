package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/apisim"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

func runbook(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fences are the blocks of a document that show commands or output.
var fences = regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```$")

// shown are the command lines of a program that a document shows, in blocks and
// within sentences, each part of a pipe by itself; without comments.
func shown(text, program string) (lines []string) {
	add := func(line string) {
		line, _, _ = strings.Cut(line, " #")
		for part := range strings.SplitSeq(line, "|") {
			part = strings.TrimSpace(part)
			if inner, ok := strings.CutPrefix(part, "DSN=$("); ok { // kept in the shell's memory
				part, _, _ = strings.Cut(inner, ")")
			}
			if strings.HasPrefix(part, program+" ") && !slices.Contains(lines, part) {
				lines = append(lines, part)
			}
		}
	}
	for _, block := range fences.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			add(line)
		}
	}
	for _, code := range inQuotes.FindAllStringSubmatch(fences.ReplaceAllString(text, ""), -1) {
		add(code[1])
	}
	return lines
}

// dials are the commands that log in somewhere, unless a flag keeps them from it.
func dials(line string) bool {
	return slices.Contains([]string{"probe", "verify", "gate", "sessions"}, strings.Fields(line)[1]) && !strings.Contains(line, "--no-connect")
}

// TestRunbookCommands: every command of the runbook works as it stands: where all
// is well it ends with 0 and logs in once at most, and inside a lockout window
// the ones that would log in do not, and end with 78.
func TestRunbookCommands(t *testing.T) {
	t.Parallel()
	lines := shown(quotation.ReplaceAllString(runbook(t), ""), "sidecar")
	if len(lines) < 15 {
		t.Fatalf("only %d commands: %q", len(lines), lines)
	}
	pooler := listen(t, poolersim.Script{Auth: poolersim.SCRAM, Password: "pw-of-app", Answer: activity})
	raw := pooler.DSN("app", "pw-of-app", "appdb")
	s := startSidecar(t, "DATABASE_URL="+raw, "SIDECAR_PROBE_INTERVAL=1h")
	s.await(machine.Ready, 10*time.Second)
	const locked = "postgresql://postgres.iaketsyhmqbwaabgykux:pw-of-app@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require"
	inWindow := knows(t, locked, health.Readiness{State: "lockout", Reason: "lockout", Trigger: "circuit_breaker"})

	api := apisim.Listen("iaketsyhmqbwaabgykux", apiToken, apisim.Requester)
	defer api.Close()
	state := "SIDECAR_STATE=file:" + filepath.Join(t.TempDir(), "state.json")
	for _, line := range lines {
		if !strings.Contains(line, "--find-region") && !strings.Contains(line, " bans") { // they would ask the real ones
			before := pooler.Counts().Startups
			code, output := follow(t, line, raw, "DATABASE_URL="+raw, "SIDECAR_URL="+s.url, "SIDECAR_ALLOW_HOSTS=127.0.0.1", state)
			if n := pooler.Counts().Startups - before; code != exit.OK || n > 1 || (n == 1) != dials(line) {
				t.Errorf("%s: exit code %d, %d logins\n%s", line, code, n, output)
			}
		}
		want := exit.OK
		if dials(line) {
			want = exit.Lockout
		}
		if code, output := follow(t, line, locked, "DATABASE_URL="+locked, "SIDECAR_URL="+inWindow, "SUPABASE_MODE=prod", state,
			"SIDECAR_SUPABASE_API="+api.URL, "SUPABASE_ACCESS_TOKEN="+apiToken); code != want {
			t.Errorf("%s: in a window exit code %d\n%s", line, code, output)
		}
	}
}

// follow types a command line of the runbook, in an empty folder, and ends with
// Ctrl-C what would go on. A DSN or a password is given where one is asked for.
func follow(t *testing.T, line, raw string, env ...string) (code int, output string) {
	t.Helper()
	words := strings.Fields(line)
	if strings.HasPrefix(line, "sidecar bans lift") { // nobody sits at a terminal to say so
		words = append(words, "--yes")
	}
	if slices.Contains(words, "--watch") {
		watch := start(t, env, os.Args[0], words[1:]...)
		watch.until(t, "State: ")
		watch.command.Process.Signal(syscall.SIGINT)
		return watch.ended(), watch.said()
	}
	command := exec.Command(os.Args[0], words[1:]...)
	command.Dir = t.TempDir()
	command.Env = append([]string{beSidecar + "=1"}, env...)
	command.Stdin = strings.NewReader("pw-of-app\n")
	if slices.Contains(words, "-") {
		command.Stdin = strings.NewReader(raw)
	}
	text, _ := command.CombinedOutput()
	return command.ProcessState.ExitCode(), string(text)
}

// TestRunbookRailway: the runbook names no command of Railway that there is not.
// It has to say so of the one that the seed names (docs/seed.md#emergency).
func TestRunbookRailway(t *testing.T) {
	real := []string{"down", "scale", "redeploy", "variable set"} // docs/facts.md#railway-commands
	lines := shown(runbook(t), "railway")
	for _, line := range lines {
		known := slices.ContainsFunc(real, func(name string) bool { return strings.HasPrefix(line, "railway "+name+" ") })
		if !known && line != "railway service stop" {
			t.Errorf("is there %s?", line)
		}
		if strings.Contains(line, "DATABASE_URL") && !strings.Contains(line, "DATABASE_URL --stdin") {
			t.Errorf("%s: the password would be in the shell's history", line)
		}
	}
	if len(lines) < 6 || !strings.Contains(runbook(t), "(`railway service stop`, which an older runbook names, does not exist.)") {
		t.Errorf("%q", lines)
	}
}

// TestRunbookComplete: every reason and every trigger has a section, every exit code a
// row, and there is no other.
func TestRunbookComplete(t *testing.T) {
	var reasons []string
	for _, rule := range machine.Rules {
		reasons = append(reasons, string(rule.Reason))
	}
	for _, trigger := range machine.Triggers {
		reasons = append(reasons, string(trigger))
	}
	_, byReason, _ := strings.Cut(runbook(t), "\n## By reason\n")
	var sections []string
	for _, heading := range regexp.MustCompile(`(?m)^### (.*)$`).FindAllStringSubmatch(byReason, -1) {
		sections = append(sections, heading[1])
	}
	var rows, codes []string
	for _, row := range docTables(t, "runbook.md")["Exit codes"] {
		rows = append(rows, quoted(row[0])[0])
	}
	for _, code := range []int{exit.OK, exit.Failure, exit.Usage, exit.Lockout} {
		codes = append(codes, strconv.Itoa(code))
	}
	for _, lists := range [][2][]string{{sections, reasons}, {rows, codes}} {
		got, want := lists[0], lists[1]
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("the runbook has %q, the code %q", got, want)
		}
	}
}

// TestRunbookQuery: the one query of the runbook shows who holds a transaction open,
// the oldest first, and the line below it ends that one.
func TestRunbookQuery(t *testing.T) {
	t.Parallel()
	query := regexp.MustCompile("(?ms)^```sql\n(.*?)^```$").FindStringSubmatch(runbook(t))
	kill := regexp.MustCompile("`(SELECT pg_terminate_backend)\\(\\d+\\);`").FindStringSubmatch(runbook(t))
	if query == nil || kill == nil {
		t.Fatal("the runbook has no query, or does not say how to end a session")
	}
	pg := realpeer.StartPostgres(t, realpeer.PostgresConfig{})
	pg.CreateRole(t, "app", "pw-of-app")
	signIn(t, pg, "app", "pw-of-app")
	holder := signIn(t, pg, "app", "pw-of-app")
	holder.must("SET application_name = 'stuck-worker'")
	holder.must("BEGIN; SELECT 1")
	rows := pg.Exec(t, query[1])
	if len(rows) != 2 || rows[0][2] != "stuck-worker" || rows[0][4] != "idle in transaction" {
		t.Fatalf("%q", rows)
	}
	pg.Exec(t, kill[1]+"("+rows[0][0]+")")
	realpeer.Until(t, 10*time.Second, "the end of the session", func() error {
		if left := pg.Exec(t, query[1]); len(left) != 1 {
			return fmt.Errorf("%q", left)
		}
		return nil
	})
}

// TestRunbookLinks: what the runbook leads to is there, on this page and elsewhere.
func TestRunbookLinks(t *testing.T) {
	text := runbook(t)
	anchors := func(text string) (all []string) {
		for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
			slug := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
			all = append(all, strings.ReplaceAll(slug, " ", "-"))
		}
		return all
	}
	links := regexp.MustCompile(`\]\(([^)#]*)#?([^)]*)\)`).FindAllStringSubmatch(text, -1)
	if len(links) < 8 {
		t.Fatalf("%d links", len(links))
	}
	for _, link := range links {
		target := text
		if link[1] != "" {
			data, err := os.ReadFile("../../docs/" + link[1])
			if err != nil {
				t.Error(err)
			}
			target = string(data)
		}
		if link[2] != "" && !slices.Contains(anchors(target), link[2]) {
			t.Errorf("%s leads nowhere", link[0])
		}
	}
	head, _, _ := strings.Cut(migration(t, ".sql"), "\nBEGIN;")
	if !strings.Contains(strings.ReplaceAll(head, "\n--     ", " "), `"A role of its own for the apps"`) || !slices.Contains(anchors(text), "a-role-of-its-own-for-the-apps") {
		t.Error("the migration refers to a section that is not there")
	}
}
