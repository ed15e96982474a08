package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

const (
	prometheusFolder = "../../deploy/prometheus/"
	dashboardFile    = "../../deploy/grafana/pooler-sidecar.json"
)

// readAll is a file of the repository.
func readAll(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// mustRun runs a tool that has to be content.
func mustRun(t *testing.T, path string, args ...string) {
	t.Helper()
	if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
		t.Errorf("%s %s: %v\n%s", filepath.Base(path), strings.Join(args, " "), err, out)
	}
}

// TestRules: promtool takes the rules and the configuration, and each alert fires, does
// not fire, and is over, as its test says.
func TestRules(t *testing.T) {
	t.Parallel()
	promtool := realpeer.Tool(t, "promtool", "prometheus")
	mustRun(t, promtool, "check", "rules", prometheusFolder+"pooler.rules.yml")
	mustRun(t, promtool, "check", "config", prometheusFolder+"prometheus.yml")
	mustRun(t, promtool, "test", "rules", prometheusFolder+"pooler.rules.test.yml")
}

// TestAlertmanager: amtool takes the configuration, and one lockout rings once.
func TestAlertmanager(t *testing.T) {
	t.Parallel()
	const file = "../../deploy/alertmanager/alertmanager.yml"
	amtool := realpeer.Tool(t, "amtool", "prometheus-alertmanager")
	mustRun(t, amtool, "check-config", file)
	for severity, want := range map[string]string{"critical": "page", "warning": "chat", "info": "chat"} {
		mustRun(t, amtool, "config", "routes", "test", "--config.file", file, "--verify.receivers", want, "severity="+severity)
	}
	_, inhibitions, _ := strings.Cut(readAll(t, file), "inhibit_rules:")
	known := alerts(t)
	for _, name := range regexp.MustCompile(`Pooler\w+`).FindAllString(inhibitions, -1) {
		if known[name].severity == "" {
			t.Errorf("%s is held back, or holds back, and is no alert", name)
		}
	}
}

// alert is what a rule tells people.
type alert struct{ severity, expr, summary, description, runbook string }

// alerts reads the rules; that they are well formed is promtool's business.
func alerts(t *testing.T) map[string]alert {
	t.Helper()
	all := make(map[string]alert)
	_, text, _ := strings.Cut(readAll(t, prometheusFolder+"pooler.rules.yml"), "rules:\n")
	for block := range strings.SplitSeq(text, "- alert: ") {
		name, rest, _ := strings.Cut(block, "\n")
		if strings.TrimSpace(name) == "" {
			continue
		}
		field := func(pattern string) string {
			if found := regexp.MustCompile(pattern).FindStringSubmatch(rest); found != nil {
				return strings.TrimSpace(found[1])
			}
			return ""
		}
		all[name] = alert{
			severity: field(`severity: (\w+)`), expr: field(`(?s)expr: (.*?)\n +(?:for|labels):`), summary: field(`summary: (.*)`),
			description: field(`(?s)description: >-\n(.*?)\n +runbook_url:`), runbook: field(`runbook_url: (.*)`),
		}
	}
	return all
}

// TestAlertsTell: each alert says what is wrong, what to do, and where to read on; the
// list of the docs is the list of the rules.
func TestAlertsTell(t *testing.T) {
	known, runbook := alerts(t), readAll(t, "../../docs/runbook.md")
	var places []string
	for _, heading := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(runbook, -1) {
		places = append(places, strings.ReplaceAll(regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(heading[1]), ""), " ", "-"))
	}
	_, section, _ := strings.Cut(readAll(t, "../../docs/metrics.md"), "\n## Alerts\n")
	for name, a := range known {
		if !slices.Contains([]string{"critical", "warning", "info"}, a.severity) || a.summary == "" || len(a.description) < 60 {
			t.Errorf("%s: %+v", name, a)
		}
		address, place, _ := strings.Cut(strings.Trim(a.runbook, `"`), "#")
		if address != "{{ $externalLabels.runbook }}" || !slices.Contains(places, place) {
			t.Errorf("%s leads to %s", name, a.runbook)
		}
		if want := fmt.Sprintf("| `%s` | %s |", name, a.severity); !strings.Contains(section, want) {
			t.Errorf("docs/metrics.md, Alerts, has no %q", want)
		}
	}
	if documented := strings.Count(section, "| `Pooler"); documented != len(known) || len(known) != 11 {
		t.Errorf("%d alerts, %d of them documented", len(known), documented)
	}
}

// dashboard is what the test looks at.
type dashboard struct {
	ID            any             `json:"id"`
	Inputs        any             `json:"__inputs"`
	UID           string          `json:"uid"`
	SchemaVersion int             `json:"schemaVersion"`
	Panels        []dashPanel     `json:"panels"`
	Templating    json.RawMessage `json:"templating"`
}

type dashPanel struct {
	ID         int    `json:"id"`
	Type       string `json:"type"`
	Title      string `json:"title"`
	Datasource struct {
		UID string `json:"uid"`
	} `json:"datasource"`
	GridPos struct{ X, Y, W, H int } `json:"gridPos"`
	Panels  []dashPanel              `json:"panels"`
	Targets []struct {
		Expr       string `json:"expr"`
		Datasource struct {
			UID string `json:"uid"`
		} `json:"datasource"`
	} `json:"targets"`
}

// allPanels are those of the rows as well.
func (d dashboard) allPanels() (all []dashPanel) {
	for _, p := range d.Panels {
		all = append(append(all, p), p.Panels...)
	}
	return all
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(readAll(t, dashboardFile)), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDashboard: it loads anywhere, from any data source, and no panel hides another.
func TestDashboard(t *testing.T) {
	d := readDashboard(t)
	if d.ID != nil || d.Inputs != nil || d.SchemaVersion < 39 || d.UID == "" {
		t.Errorf("%+v", d)
	}
	taken, ids := make(map[[2]int]string), make(map[int]bool)
	for _, p := range d.allPanels() {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d, %q: the number is another's, or it has no title", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && p.Datasource.UID != "${datasource}" {
			t.Errorf("%s reads from %q", p.Title, p.Datasource.UID)
		}
		for _, target := range p.Targets {
			if target.Datasource.UID != "${datasource}" {
				t.Errorf("%s asks %q", p.Title, target.Datasource.UID)
			}
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s lies on %s, or beyond the edge", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// TestEveryMetricIsThere: what rules and panels ask for, the binary exports, label values
// included; and promtool can read every expression of a panel.
func TestEveryMetricIsThere(t *testing.T) {
	t.Parallel()
	redis := realpeer.StartRedis(t, realpeer.RedisConfig{})
	member := startSidecar(t, "DATABASE_URL="+listen(t, poolersim.Script{}).DSN("app", "pw-of-app", "appdb"), "SIDECAR_STATE="+redis.URL("", "").String())
	member.await(machine.Ready, 20*time.Second)
	_, _, body := member.get("/metrics")
	exported := string(body)
	for _, line := range []string{"pooler_fleet_leader 1", "pooler_fleet_members 1", "pooler_fleet_verdict_age_seconds 0"} {
		if !strings.Contains(exported, "\n"+line+"\n") {
			t.Errorf("the leader of a fleet exports no %q", line)
		}
	}
	expressions := make(map[string]string)
	for name, a := range alerts(t) {
		expressions[name] = a.expr
	}
	rules := bytes.NewBufferString("groups:\n  - name: panels\n    rules:\n")
	for _, p := range readDashboard(t).allPanels() {
		for i, target := range p.Targets {
			expressions[fmt.Sprintf("%s, %d", p.Title, i)] = target.Expr
			text, _ := json.Marshal(strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h", "$job", ".*", "$instance", ".*").Replace(target.Expr))
			fmt.Fprintf(rules, "      - record: panel\n        expr: %s\n        labels: {n: \"%d-%d\"}\n", text, p.ID, i)
		}
	}
	asked := 0
	for where, expression := range expressions {
		for _, found := range regexp.MustCompile(`((?:pooler|process|go)_\w+)(\{[^}]*\})?`).FindAllStringSubmatch(expression, -1) {
			asked++
			name := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(found[1], "")
			if !strings.Contains(exported, "\n# TYPE "+name+" ") && !strings.HasPrefix(exported, "# TYPE "+name+" ") {
				t.Errorf("%s asks for %s, which the binary does not export", where, found[1])
			}
			for _, label := range regexp.MustCompile(`(state|reason|trigger|path|code)="(\w+)"`).FindAllString(found[2], -1) {
				if !regexp.MustCompile(`(?m)^` + found[1] + `\{.*` + label).MatchString(exported) {
					t.Errorf("%s asks for %s with %s, which is never there", where, found[1], label)
				}
			}
		}
	}
	if asked < 30 {
		t.Errorf("%d metrics asked for", asked)
	}
	file := filepath.Join(t.TempDir(), "panels.yml")
	if err := os.WriteFile(file, rules.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, realpeer.Tool(t, "promtool", "prometheus"), "check", "rules", "--lint=none", file)
}

// TestDashboardSchema: Grafana's own types, from its package, take the dashboard.
func TestDashboardSchema(t *testing.T) {
	t.Parallel()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	modules := filepath.Join(cache, "pooler-sidecar/node_modules")
	compiler := realpeer.Tool(t, filepath.Join(modules, ".bin/tsc"), "npm, then make needs")
	file := filepath.Join(t.TempDir(), "dashboard.ts")
	program := fmt.Sprintf(schemaCheck, filepath.Join(modules, "@grafana/schema/dist/types/raw/dashboard/x/types.gen"), readAll(t, dashboardFile))
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, compiler, "--noEmit", "--strict", "--skipLibCheck", "--types", "", "--module", "nodenext", "--moduleResolution", "nodenext", file)
}

// schemaCheck compiles only if the dashboard fits the type, in which names of values
// stand for the values.
const schemaCheck = "import type { Dashboard } from %q;\n" +
	"type Loose<T> = T extends string ? `${T}` : T extends number ? (number extends T ? number : `${T}` extends `${infer N extends number}` ? N : never)\n" +
	"  : T extends Array<infer U> ? Array<Loose<U>> : T extends object ? { [K in keyof T]: Loose<T[K]> } : T;\n" +
	"export const dashboard: Loose<Dashboard> = %s;\n"
