package supervisor

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestStories plays the scripts of testdata/stories on the real driver, a command a
// line, and compares all that each brings about with the indented lines below it:
// the log, the verdict, and what is stored. -update writes them; whoever reads the
// diff decides whether that is what should happen. The clock stands still but for
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
			synctest.Test(t, func(t *testing.T) {
				var told strings.Builder
				s := &story{policy: machine.DefaultPolicy(), jitter: 0.5}
				for line := range strings.Lines(string(text)) {
					if strings.HasPrefix(line, "\t") {
						continue
					}
					told.WriteString(line)
					command, _, _ := strings.Cut(line, "#")
					words := strings.Fields(command)
					if len(words) == 0 {
						continue
					}
					if err := s.play(words); err != nil {
						t.Fatalf("%s: %v", strings.TrimSpace(line), err)
					}
					for line := range strings.Lines(s.output()) {
						told.WriteString("\t" + line)
					}
				}
				if *update {
					if err := os.WriteFile(file, []byte(told.String()), 0o644); err != nil {
						t.Fatal(err)
					}
				} else if told.String() != string(text) {
					t.Errorf("the story goes otherwise; write it anew with -update and read what has changed.\nToo much:\n%s\nMissing:\n%s",
						linesNotIn(told.String(), string(text)), linesNotIn(string(text), told.String()))
				}
			})
		})
	}
}

// story is a driver without its loop: the script says when it does what.
type story struct {
	*Supervisor
	policy machine.Policy
	jitter float64
	log    bytes.Buffer
	stored []byte
	asked  bool // whether the last command was a probe that was made
}

// Load implements [Store]: nobody else writes.
func (s *story) Load(context.Context) (machine.Record, bool, error) {
	return machine.Record{}, false, nil
}

// Save implements [Store].
func (s *story) Save(_ context.Context, r machine.Record) (err error) {
	s.stored, err = json.Marshal(r)
	return err
}

// Probe implements [Prober]: the outcome is the snapshot's that the script set.
type told struct {
	machine.Outcome
	took  time.Duration
	asked *bool
}

func (o told) Probe(_ context.Context, permit machine.Permit) machine.Outcome {
	permit.Spend()
	*o.asked = true
	time.Sleep(o.took)
	return o.Outcome
}

// play runs one command.
func (s *story) play(words []string) error {
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	ctx, now := context.Background(), time.Now()
	switch words[0] {
	case "target": // target KIND CREDENTIAL[@REST OF THE DSN] [KEY] [FAULT]
		credential, _, _ := strings.Cut(arg(2), "@")
		target := machine.Target{
			Key: "k" + arg(3), Credential: credential, DSN: arg(2) + arg(3) + arg(4), Fault: machine.Reason(arg(4)),
			Shared: arg(1) == "shared", DBHost: arg(1) == "db",
		}
		if s.Supervisor == nil {
			s.start(target)
			s.saveAndReport(ctx)
			s.report(machine.Transition{At: now, To: s.Snapshot().Status})
			return nil
		}
		s.makeKnown(ctx, s.machine.SetTarget(now, target))
	case "uncount": // a trigger that SIDECAR_LOCKOUT_ON leaves out
		s.policy.Counts[machine.Trigger(arg(1))] = false
	case "lockout": // the length of every window, in place of 15 to 20 minutes
		d, err := time.ParseDuration(arg(1))
		s.policy.Lockout, s.policy.Breaker = machine.Range{Min: d, Max: d}, machine.Range{Min: d, Max: d}
		return err
	case "jitter":
		var err error
		s.jitter, err = strconv.ParseFloat(arg(1), 64)
		return err
	case "advance": // what the loop does without a probe
		d, err := time.ParseDuration(arg(1))
		time.Sleep(d)
		s.publishExpiry(ctx, time.Now())
		s.remind(ctx, time.Now())
		return err
	case "probe":
		return s.ask(words[1:])
	case "restart": // restart [REVISION]: another process takes up the record
		return s.restart(arg(1))
	case "crash": // an attempt is begun, and the process dies
		if _, err := s.machine.Admit(now); err != nil {
			return err
		}
		s.saveRecord(ctx)
		return s.restart("")
	case "adopt": // adopt TRIGGER FOR [KEY]: somebody else has written a window
		d, err := time.ParseDuration(arg(2))
		s.makeKnown(ctx, s.machine.Heed(now, machine.Record{Windows: []machine.Window{
			{Key: "k" + arg(3), Trigger: machine.Trigger(arg(1)), Opened: now, Until: now.Add(d), InRow: 1}}}))
		return err
	case "clear": // clear [AGO]: an operator drops what was opened before
		ago, _ := time.ParseDuration(cmp.Or(arg(1), "-1ns"))
		s.makeKnown(ctx, s.machine.Heed(now, machine.Record{Cleared: now.Add(-ago)}))
	case "lift": // lift [AGO] [KEY]: an operator has lifted a ban
		ago, _ := time.ParseDuration(cmp.Or(arg(1), "-1ns"))
		s.makeKnown(ctx, s.machine.Heed(now, machine.Record{Lifted: machine.Lift{Key: "k" + arg(2), At: now.Add(-ago)}}))
	case "hurry": // the proxy has seen logins refused
		s.publish(s.machine.Hurry(now), s.Snapshot().Attempt)
	default:
		return errors.New("unknown command")
	}
	return nil
}

// start begins a process.
func (s *story) start(target machine.Target) {
	s.Supervisor = New(s.policy, Subject{Target: target}, s, slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.MessageKey || a.Key == "cause" {
				return a
			}
			return slog.Attr{}
		},
	})))
	s.machine = machine.New(s.policy, target, func() float64 { return s.jitter }, time.Now())
}

// restart takes the record through its stored form into a new process. It may be
// revised on the way: "lost", "heard-of-lost", or "clear-before" the present.
func (s *story) restart(revision string) error {
	var r machine.Record
	if err := json.Unmarshal(s.stored, &r); err != nil {
		return err
	}
	now := time.Now()
	switch revision {
	case "lost":
		r = machine.Record{Lost: now}
	case "heard-of-lost": // another sidecar's store was lost, ours was not
		r.Lost = now
	case "clear-before":
		r, _ = r.ClearBefore(now.Add(1))
	}
	s.start(s.machine.Target())
	s.Begin(r, nil)
	s.saveAndReport(context.Background())
	s.report(machine.Transition{At: now, To: s.Snapshot().Status})
	return nil
}

// ask lets the driver probe: REASON, or a trigger, and options.
func (s *story) ask(words []string) error {
	o := told{Outcome: machine.Outcome{Reason: machine.Reason(words[0]), Knocked: true, Dialled: time.Now()}, asked: &s.asked}
	for _, trigger := range machine.Triggers {
		if words[0] == string(trigger) {
			o.Reason, o.Trigger = machine.ReasonLockout, trigger
		}
	}
	if words[0] == "broken-off" {
		o.Reason = ""
	}
	for _, option := range words[1:] {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "cause":
			o.Cause = value
		case "refused":
			o.Refused, o.Knocked = true, false
		case "unseen":
			o.Knocked = false
		case "step":
			o.Step = machine.Step(value)
		case "slow":
			o.Slow = true
		case "took":
			var err error
			if o.took, err = time.ParseDuration(value); err != nil {
				return err
			}
		default:
			return fmt.Errorf("unknown option %q", option)
		}
	}
	s.subject.Prober, s.asked = o, false
	s.probe(context.Background())
	if !s.asked {
		s.log.WriteString("msg=\"not asked\"\n")
	}
	return nil
}
