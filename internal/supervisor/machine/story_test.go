package machine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestStories plays the scripts of testdata/stories: one command a line, "!" for
// what must not be, "#" for the reasoning. The clock stands still but for
// "advance"; jitter is 0.5 of its range, so that a retry is exactly its base.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := &story{policy: DefaultPolicy(), now: time.Date(2026, 1, 18, 15, 0, 0, 0, time.UTC), jitter: 0.5}
			for i, line := range strings.Split(string(text), "\n") {
				line, _, _ = strings.Cut(line, "#")
				if words := strings.Fields(line); len(words) > 0 {
					if err := s.play(words); err != nil {
						t.Fatalf("%s:%d: %s: %v", file, i+1, strings.TrimSpace(line), err)
					}
				}
			}
		})
	}
}

type story struct {
	policy  Policy
	machine *Machine
	now     time.Time
	jitter  float64
	given   int // permits
}

// play runs one command.
func (s *story) play(words []string) error {
	not := words[0] == "!"
	if not {
		words = words[1:]
	}
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	switch words[0] {
	case "target": // target KIND CREDENTIAL[@REST OF THE DSN] [KEY] [FAULT]
		credential, _, _ := strings.Cut(arg(2), "@")
		s.configure(Target{
			Key: "k" + arg(3), Credential: credential, DSN: arg(2) + arg(3) + arg(4), Fault: Reason(arg(4)),
			Shared: arg(1) == "shared", DBHost: arg(1) == "db",
		})
		return nil
	case "uncount": // a trigger that SIDECAR_LOCKOUT_ON leaves out
		s.policy.Counts[Trigger(arg(1))] = false
		return nil
	case "lockout": // the length of every window, in place of 15 to 20 minutes
		d, err := time.ParseDuration(arg(1))
		s.policy.Lockout = Range{d, d}
		return err
	case "jitter":
		var err error
		s.jitter, err = strconv.ParseFloat(arg(1), 64)
		return err
	case "advance":
		d, err := time.ParseDuration(arg(1))
		s.now = s.now.Add(d)
		return err
	case "probe":
		return s.probe(words[1:], not)
	case "next":
		return s.expectNext(arg(1))
	case "restart": // restart [REVISION]: another process takes up the record
		return s.restart(arg(1))
	case "crash": // an attempt is begun, and the process dies
		if _, err := s.machine.Admit(s.now); err != nil {
			return err
		}
		return s.restart("")
	case "adopt": // adopt TRIGGER FOR [KEY]: somebody else has written a window
		d, err := time.ParseDuration(arg(2))
		s.machine.Adopt(s.now, Record{Windows: []Window{{"k" + arg(3), Trigger(arg(1)), "", s.now, s.now.Add(d), 1}}})
		return err
	case "clear": // an operator empties the record
		s.machine.Adopt(s.now, Record{Cleared: s.now})
		return nil
	}
	if s.machine == nil {
		return fmt.Errorf("no target yet")
	}
	var got any
	switch words[0] {
	case "state":
		got = s.machine.State
	case "reason":
		got = s.machine.Reason
	case "trigger":
		got = s.machine.Trigger
	case "windows":
		got = s.machine.WindowsInRow
	case "logins":
		got = s.given
	default:
		return fmt.Errorf("unknown command")
	}
	if (fmt.Sprint(got) == arg(1)) == not {
		return fmt.Errorf("got %v", got)
	}
	return nil
}

// restart takes the record through its stored form into a new machine. It may be
// revised on the way: "lost", "heard-of-lost", or "clear-before" the present.
func (s *story) restart(revision string) error {
	text, err := json.Marshal(s.machine.Record(s.now))
	if err != nil {
		return err
	}
	var r Record
	if err := json.Unmarshal(text, &r); err != nil {
		return err
	}
	switch revision {
	case "lost":
		r = Record{Lost: s.now}
	case "heard-of-lost": // another sidecar's store was lost, ours was not
		r.Lost = s.now
	case "clear-before":
		r, _ = r.ClearBefore(s.now, s.now)
	}
	target := s.machine.target
	s.machine = nil
	s.configure(target)
	s.machine.Restore(s.now, r)
	return nil
}

func (s *story) configure(target Target) {
	if s.machine == nil {
		s.machine = New(s.policy, target, func() float64 { return s.jitter }, s.now)
		return
	}
	s.machine.Configure(s.now, target)
}

// probe asks for a permit and settles it: REASON, or a trigger, and options.
func (s *story) probe(words []string, not bool) error {
	permit, err := s.machine.Admit(s.now)
	if not {
		if err == nil {
			return fmt.Errorf("was permitted")
		}
		return nil
	}
	if err != nil {
		return err
	}
	s.given++
	o := Outcome{Reason: Reason(words[0]), Knocked: true}
	for _, trigger := range Triggers {
		if words[0] == string(trigger) {
			o.Reason, o.Trigger = ReasonLockout, trigger
		}
	}
	for _, option := range words[1:] {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "cause":
			o.Cause = value
		case "refused":
			o.Refused, o.Knocked = true, false
		case "step":
			o.Step = Step(value)
		case "slow":
			o.Slow = true
		case "took":
			d, err := time.ParseDuration(value)
			if err != nil {
				return err
			}
			s.now = s.now.Add(d)
		default:
			return fmt.Errorf("unknown option %q", option)
		}
	}
	if words[0] == "broken-off" {
		o = Outcome{}
	}
	if t := s.machine.Settle(s.now, permit, o); t.Dropped {
		return fmt.Errorf("was dropped")
	}
	return nil
}

func (s *story) expectNext(want string) error {
	due, ok := s.machine.Due()
	got := "never"
	if ok {
		got = due.Sub(s.now).String()
	}
	if d, err := time.ParseDuration(want); err == nil {
		want = d.String()
	}
	if got != want {
		return fmt.Errorf("next attempt is in %s", got)
	}
	return nil
}
