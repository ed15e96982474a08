package health

import (
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestDocsMetrics: names, types, labels and help texts, and the label values.
func TestDocsMetrics(t *testing.T) {
	type metric struct {
		Type, Help string
		Labels     []string
	}
	documented, exposed := make(map[string]metric), make(map[string]metric)
	for _, row := range rows(t, section(t, "metrics.md", "")) {
		labels := names(row[2])
		slices.Sort(labels)
		documented[names(row[0])[0]] = metric{row[1], row[3], labels}
	}
	values := map[string][]string{"pooler_mode": texts(dsn.Modes), "password_encoding": texts(dsn.Encodings)}
	for name, m := range exposedMetrics(t) {
		exposed[name] = metric{m.kind, m.help, slices.Sorted(maps.Keys(m.labels))}
		for label, all := range m.labels {
			if slices.Contains([]string{"state", "trigger", "reason", "path", "code", "result"}, label) {
				values[label] = union(values[label], slices.Collect(maps.Keys(all))...)
			}
		}
	}
	same(t, "docs/metrics.md", documented, exposed)
	listed := make(map[string][]string)
	for _, row := range rows(t, section(t, "metrics.md", "Label values")) {
		label := names(row[0])[0]
		listed[label] = union(listed[label], names(row[1])...)
	}
	same(t, "docs/metrics.md, Label values", listed, values)
}

func texts[T ~string](values []T) (all []string) {
	for _, v := range values {
		all = append(all, string(v))
	}
	slices.Sort(all)
	return all
}

// family is one metric as it is exposed.
// union is the values of a label, in order; two metrics may have one of the same name.
func union(values []string, more ...string) []string {
	return slices.Compact(slices.Sorted(slices.Values(append(values, more...))))
}

type family struct {
	kind, help string
	labels     map[string]map[string]bool // the values of each label
}

// exposedMetrics are ours, from a sidecar that has just started.
func exposedMetrics(t *testing.T) map[string]family {
	t.Helper()
	target := machine.Target{Key: "k"}
	source := Source{
		Snapshot: supervisor.New(machine.DefaultPolicy(), supervisor.Subject{Target: target, Judge: judge}, nil, slog.New(slog.DiscardHandler)).Snapshot,
	}
	families, err := newRegistry(source, newRequests(nil)).Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]family)
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "pooler_") {
			continue
		}
		labels := make(map[string]map[string]bool)
		for _, m := range f.GetMetric() {
			for _, pair := range m.GetLabel() {
				if labels[pair.GetName()] == nil {
					labels[pair.GetName()] = make(map[string]bool)
				}
				labels[pair.GetName()][pair.GetValue()] = true
			}
		}
		all[f.GetName()] = family{strings.ToLower(f.GetType().String()), f.GetHelp(), labels}
	}
	return all
}

// TestDocsRules: promtool takes the expressions, and they ask for metrics and label
// values that there are.
func TestDocsRules(t *testing.T) {
	exposed := exposedMetrics(t)
	text := section(t, "metrics.md", "What to look at")
	for _, name := range regexp.MustCompile(`pooler_\w+`).FindAllString(text, -1) {
		if _, ok := exposed[strings.TrimSuffix(name, "_bucket")]; !ok {
			t.Errorf("docs/metrics.md asks for %s, which is not exposed", name)
		}
	}
	for _, m := range regexp.MustCompile(`(pooler_\w+)\{(\w+)!?="(\w+)"\}`).FindAllStringSubmatch(text, -1) {
		if !exposed[m[1]].labels[m[2]][m[3]] {
			t.Errorf("docs/metrics.md asks for %s, which is never there", m[0])
		}
	}
	promtool := realpeer.Tool(t, "promtool", "prometheus")
	for _, block := range fenced.FindAllStringSubmatch(text, -1) {
		var rules strings.Builder
		rules.WriteString("groups:\n  - name: examples\n    rules:\n") // one expression a line: as recording rules
		for line := range strings.Lines(block[2]) {
			rules.WriteString("      - record: example\n        expr: " + line)
		}
		file := filepath.Join(t.TempDir(), "rules.yml")
		if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(promtool, "check", "rules", "--lint=none", file).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}
