package supervisor

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"

	"dragonfly.internal/sidecar/internal/advice"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

var update = flag.Bool("update", false, "write docs/states.md")

const (
	statesDoc  = "../../docs/states.md"
	statesPage = "testdata/states.md.tmpl" // its sentences; the rest is the code's
)

// TestStatesDoc: docs/states.md is what the code says.
func TestStatesDoc(t *testing.T) {
	policy := machine.DefaultPolicy()
	var text bytes.Buffer
	page := template.Must(template.New("states.md.tmpl").Funcs(template.FuncMap{
		"span": spoken,
		"spans": func(all []time.Duration) string {
			texts := make([]string, len(all))
			for i, d := range all {
				texts[i] = spoken(d)
			}
			last := len(texts) - 1
			return strings.Join(texts[:last], ", ") + " and " + texts[last]
		},
		"between": func(r machine.Range) string { return spoken(r.Min) + " to " + spoken(r.Max) },
	}).ParseFiles(statesPage))
	if err := page.Execute(&text, map[string]any{
		"Diagram": diagram(t), "States": constants(t, "State"), "Triggers": constants(t, "Trigger"),
		"Rules": machine.Rules, "Policy": policy, "Confirm": machine.ConfirmDelay, "Jitter": 100 * machine.RetryJitter, "Reminder": reminderEvery,
		"RerouteFirst": machine.RerouteFirst, "RerouteLast": machine.RerouteLast, "CautiousFirst": machine.CautiousFirst, "CautiousLast": machine.CautiousLast,
		"Echoes": machine.EchoRules, "Gap": machine.EchoGap,
		"BanMemory": machine.BanMemory, "BanAsks": machine.BanAsks, "Tries": machine.SpacedTries,
		"Scenes": scenes(t, policy), "LockedOut": advice.Asked(machine.Outcome{Reason: machine.ReasonLockout}, advice.Own).Action(),
	}); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(statesDoc, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(statesDoc)
	if err != nil {
		t.Fatal(err)
	}
	if text.String() != string(got) {
		t.Errorf("docs/states.md is not what the code says; write it anew with -update.\nToo much:\n%s\nMissing:\n%s",
			linesNotIn(string(got), text.String()), linesNotIn(text.String(), string(got)))
	}
}

// linesNotIn are the lines of one text that the other has not.
func linesNotIn(text, other string) string {
	var all strings.Builder
	for line := range strings.Lines(text) {
		if !strings.Contains("\n"+other, "\n"+line) {
			all.WriteString(line)
		}
	}
	return all.String()
}

// TestScheduleNames: the names of the ladders are their numbers.
func TestScheduleNames(t *testing.T) {
	retry := machine.DefaultPolicy().Retry
	for got, want := range map[machine.Next]string{
		machine.NextReroute:  ladderName(machine.RerouteFirst, machine.RerouteLast) + ", or at once when the DSN changes",
		machine.NextRetry:    ladderName(retry.Min, retry.Max) + fmt.Sprintf(", +-%g %%", 100*machine.RetryJitter),
		machine.NextCautious: ladderName(machine.CautiousFirst, machine.CautiousLast),
	} {
		if string(got) != want {
			t.Errorf("a schedule is called %q, its numbers are %q", got, want)
		}
	}
}

func ladderName(first, last time.Duration) string {
	return strings.NewReplacer(" s", "s", " min", "m").Replace(spoken(first) + " doubling to " + spoken(last))
}

// spoken writes a span as the documents do: 60 s, 15 min, 1 h.
func spoken(d time.Duration) string {
	switch {
	case d > time.Minute && d < time.Hour && d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%g s", d.Seconds())
}

// diagram is the drawing in the package's comment.
func diagram(t *testing.T) string {
	t.Helper()
	file := parse(t, "machine/doc.go")
	var lines []string
	for line := range strings.Lines(file.Doc.Text()) {
		if drawn, ok := strings.CutPrefix(line, "\t"); ok {
			lines = append(lines, drawn)
		} else if len(lines) > 0 && strings.TrimSpace(line) == "" {
			lines = append(lines, "\n")
		} else if len(lines) > 0 {
			break
		}
	}
	return strings.TrimRight(strings.Join(lines, ""), "\n") + "\n"
}

// named is a constant with the comment behind it.
type named struct{ Name, Meaning string }

// constants are those of a type in state.go.
func constants(t *testing.T, kind string) (all []named) {
	t.Helper()
	ast.Inspect(parse(t, "machine/state.go"), func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == kind {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, named{value, strings.TrimSpace(spec.Comment.Text())})
		}
		return true
	})
	if len(all) < 3 {
		t.Fatalf("state.go has %d constants of type %s", len(all), kind)
	}
	return all
}

func parse(t *testing.T, name string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// scene is one situation in the words that people read.
type scene struct{ Title, Message, Advice string }

// scenes plays every reason on the real machine.
func scenes(t *testing.T, policy machine.Policy) (all []scene) {
	t.Helper()
	for _, rule := range machine.Rules {
		s := newStage(t, policy, machine.Target{Key: "k"})
		switch rule.State {
		case machine.Lockout:
			continue
		case machine.Misconfigured:
			s = newStage(t, policy, machine.Target{Key: "k", Fault: rule.Reason})
		case machine.Starting:
			if rule.Reason == machine.ReasonStoreLost {
				s.Restore(s.now, machine.Record{Lost: s.now})
			}
		default:
			s.answer(machine.Outcome{Reason: rule.Reason})
		}
		all = append(all, s.scene("`%s`", rule.Reason))
	}
	seen := newStage(t, policy, machine.Target{Key: "k"})
	seen.answer(machine.Outcome{Reason: machine.ReasonLockout, Trigger: machine.TriggerServerLoginRetry, Cause: "c"})
	all = append(all, seen.scene("`lockout`, while it is watched"))
	for _, trigger := range machine.Triggers {
		answer := machine.Outcome{Reason: machine.ReasonLockout, Trigger: trigger, Step: machine.StepQuery, Cause: "c"}
		s := newStage(t, policy, machine.Target{Key: "k"})
		if trigger == machine.TriggerNetworkBan {
			answer = machine.Outcome{Reason: machine.ReasonNetwork, Refused: true}
			s = newStage(t, policy, machine.Target{Key: "k", DBHost: true})
			s.answer(machine.Outcome{Reason: machine.ReasonAuthFailed})
		}
		s.untilWindow(answer)
		all = append(all, s.scene("`lockout`, `%s`", trigger))
		s.untilWindow(answer)
		all = append(all, s.scene("`lockout`, `%s`, the second window in a row", trigger))
	}
	seen.untilWindow(machine.Outcome{Reason: machine.ReasonLockout, Trigger: machine.TriggerCircuitBreaker})
	seen.now, _ = seen.Due(seen.now)
	return append(all, seen.scene("`lockout`, during the trial"))
}

// stage is a machine with a clock of its own.
type stage struct {
	*machine.Machine
	t   *testing.T
	now time.Time
}

func newStage(t *testing.T, policy machine.Policy, target machine.Target) *stage {
	now := time.Date(2026, 1, 18, 15, 0, 0, 0, time.UTC)
	return &stage{machine.New(policy, target, func() float64 { return 0.5 }, now), t, now}
}

// answer gives the outcome to the probe that is due, when it is due.
func (s *stage) answer(o machine.Outcome) machine.Transition {
	s.t.Helper()
	s.now, _ = s.Due(s.now)
	permit, err := s.Admit(s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	o.Knocked = !o.Refused
	return s.Settle(s.now, permit, o)
}

// untilWindow repeats the outcome until it opens a window.
func (s *stage) untilWindow(o machine.Outcome) {
	s.t.Helper()
	for range 20 {
		if s.answer(o).Opened {
			return
		}
	}
	s.t.Fatalf("%+v opens no window", o)
}

func (s *stage) scene(title string, args ...any) scene {
	snapshot := &Snapshot{Status: s.Status(s.now)}
	return scene{fmt.Sprintf(title, args...), snapshot.Message(s.now), snapshot.Advice(s.now)}
}
