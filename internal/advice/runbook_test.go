package advice_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dragonfly.internal/sidecar/internal/advice"
	"dragonfly.internal/sidecar/internal/advice/scenes"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// quotation is what the runbook's section quotes, before it is wrapped.
type quotation struct{ names, text string }

// quotations are the sentences of every section, without those that name a time, and
// in the words for Supabase's dashboard: they are what a person compares with.
func quotations() map[string][]quotation {
	clock := regexp.MustCompile(`\d\d:\d\d:\d\d`)
	sections := make(map[string][]quotation)
	first := "" // what the first window of the trigger says; the second adds to it
	for _, s := range scenes.All() {
		if s.Once && s.Reason != "" || s.EverReady || s.State == machine.Lockout && s.Remaining() == 0 {
			continue
		}
		text := sentences(s.Text())
		text = slices.DeleteFunc(text, func(sentence string) bool {
			return clock.MatchString(sentence) || s.WindowsInRow > 1 && strings.Contains(strings.ReplaceAll(first, "\n", " "), sentence)
		})
		if s.WindowsInRow == 1 {
			first = strings.Join(text, "\n")
		}
		said := strings.NewReplacer(
			"on its machine or in its dashboard", "in the dashboard",
			", or psql at PostgreSQL's own port", "",
		).Replace(strings.Join(text, " "))
		name, host, _ := strings.Cut(s.Name, " on ")
		_, section, _ := strings.Cut(s.Page(), "#")
		for _, start := range []string{"lockout, ", "asked once: ", section + ", ", section + " "} {
			name = strings.TrimPrefix(name, start)
		}
		if name == section {
			name = ""
		}
		all := sections[section]
		if i := slices.IndexFunc(all, func(q quotation) bool { return q.text == said }); i < 0 {
			if slices.ContainsFunc(all, func(q quotation) bool { return q.names == name }) {
				name = strings.TrimPrefix(name+", "+host, ", ")
			}
			sections[section] = append(all, quotation{name, said})
		}
	}
	return sections
}

// quoted writes the quotations of a section, each a paragraph.
func quoted(all []quotation) string {
	const width = 116
	var lines []string
	for i, q := range all {
		if i > 0 {
			lines = append(lines, ">")
		}
		text := q.text
		if q.names != "" {
			text = fmt.Sprintf("*%s:* %s", q.names, q.text)
		}
		line := ">"
		for word := range strings.FieldsSeq(text) {
			if len(line)+1+len(word) > width {
				lines, line = append(lines, line), ">"
			}
			line += " " + word
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n") + "\n"
}

// TestRunbookQuotes: the runbook's section of each reason and trigger says what the
// sidecar says, in the same words.
func TestRunbookQuotes(t *testing.T) {
	const file = "../../" + advice.Runbook
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for section, all := range quotations() {
		quote := regexp.MustCompile(`(?m)^### ` + section + `\n\n((?:^>.*\n)+)`).FindStringSubmatchIndex(page)
		if quote == nil {
			t.Errorf("no section %s with a quotation", section)
			continue
		}
		want := quoted(all)
		got := page[quote[2]:quote[3]]
		page = page[:quote[2]] + want + page[quote[3]:]
		if got != want && !*update {
			t.Errorf("section %s quotes\n%s\nthe sidecar says\n%s\nwrite it anew with -update", section, got, want)
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
