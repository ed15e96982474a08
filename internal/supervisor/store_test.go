package supervisor

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// paper is a store that a test looks over the shoulder of.
type paper struct {
	records []machine.Record
	cleared time.Time                                         // an operator has asked for it, and nobody has read it yet
	saving  func(ctx context.Context, r machine.Record) error // before the record is kept
}

func (p *paper) Load(context.Context) (machine.Record, bool, error) {
	if p.cleared.IsZero() {
		return machine.Record{}, false, nil
	}
	defer func() { p.cleared = time.Time{} }()
	return machine.Record{Cleared: p.cleared}, true, nil
}

func (p *paper) Save(ctx context.Context, r machine.Record) error {
	if p.saving != nil {
		if err := p.saving(ctx, r); err != nil {
			return err
		}
	}
	p.records = append(p.records, r)
	return nil
}

// prober is a function that probes.
type prober func(ctx context.Context) machine.Outcome

func (p prober) Probe(ctx context.Context, permit machine.Permit) machine.Outcome {
	if !permit.Spend() {
		panic("a probe without a permit")
	}
	return p(ctx)
}

// keptBy runs a supervisor with a store in a bubble, for so long.
func keptBy(t *testing.T, p *paper, probe prober, log *bytes.Buffer, d time.Duration, begin ...machine.Record) *Supervisor {
	t.Helper()
	s := New(machine.DefaultPolicy(), Subject{Target: machine.Target{Key: "k", Credential: "c"}, Prober: probe}, p, slog.New(slog.NewTextHandler(log, nil)))
	for _, r := range begin {
		s.Begin(r, nil)
	}
	runFor(t, s, d)
	return s
}

var breakerTripped = machine.Outcome{Reason: machine.ReasonLockout, Trigger: machine.TriggerCircuitBreaker, Knocked: true}

// TestStoreOrder: an attempt is written before it is made; a transition is in the
// snapshot before it is stored, and stored before it is logged (docs/design.md#decisions).
func TestStoreOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s *Supervisor
		var log bytes.Buffer
		p := new(paper)
		probe := prober(func(context.Context) machine.Outcome {
			if last := p.records[len(p.records)-1]; last.Attempt.At != time.Now().UTC() || last.Attempt.InRow != 1 {
				t.Errorf("dialled after %+v was stored", last)
			}
			return breakerTripped
		})
		p.saving = func(_ context.Context, r machine.Record) error {
			if len(r.Windows) == 0 {
				return nil
			}
			if got := s.Snapshot(); got.State != machine.Lockout || !got.Next.Equal(r.Windows[0].Until) {
				t.Errorf("stored %+v while people read %s", r.Windows, got.State)
			}
			if strings.Contains(log.String(), "READY=false") {
				t.Error("logged before it was stored")
			}
			if r.Attempt.InRow != 0 {
				t.Errorf("the attempt has ended: %+v", r.Attempt)
			}
			return nil
		}
		s = New(machine.DefaultPolicy(), Subject{Target: machine.Target{Key: "k"}, Prober: probe}, p, slog.New(slog.NewTextHandler(&log, nil)))
		runFor(t, s, time.Second)
		if len(p.records) != 3 || !strings.Contains(log.String(), "READY=false reason=lockout") {
			t.Errorf("%d records, log %s", len(p.records), &log)
		}
	})
}

// TestStoreFails: a store that hangs or refuses costs two seconds at a transition
// at most, is said once, and does not stop the supervision.
func TestStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		broken := true
		p := &paper{saving: func(ctx context.Context, _ machine.Record) error {
			if broken {
				<-ctx.Done()
				return errors.New("no space left on device")
			}
			return nil
		}}
		asked := 0
		begun := time.Now()
		s := keptBy(t, p, func(context.Context) machine.Outcome {
			if asked++; asked == 1 && time.Since(begun) != 4*time.Second {
				t.Errorf("the first probe came after %s", time.Since(begun))
			}
			if asked == 3 {
				broken = false
			}
			return machine.Outcome{Reason: machine.ReasonOK}
		}, &log, 3*time.Minute)
		if s.Snapshot().Unstored || !s.Snapshot().Ready() || asked < 4 || len(p.records) == 0 {
			t.Errorf("unstored %v, %s, %d probes", s.Snapshot().Unstored, s.Snapshot().State, asked)
		}
		for line, n := range map[string]int{"a restart would forget it: no space left on device": 1, "the deadline is stored again": 1} {
			if strings.Count(log.String(), line) != n {
				t.Errorf("%q stands there %d times:\n%s", line, strings.Count(log.String(), line), &log)
			}
		}
	})
}

// TestStoreConflict: what somebody else has stored counts before the attempt that
// is about to be made: a window is heeded, an operator's word as well.
func TestStoreConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		window := machine.Window{Key: "k", Trigger: machine.TriggerCircuitBreaker, Opened: time.Now(), Until: time.Now().Add(10 * time.Minute), InRow: 2}
		conflicts := map[int]machine.Record{2: {Windows: []machine.Window{window}}} // by the number of the writing
		writings := 0
		p := &paper{saving: func(context.Context, machine.Record) error {
			writings++
			if found, ok := conflicts[writings]; ok {
				return &ConflictError{found}
			}
			return nil
		}}
		asked := 0
		probe := func(context.Context) machine.Outcome { asked++; return breakerTripped }
		s := keptBy(t, p, probe, &log, 10*time.Minute-time.Second)
		got := s.Snapshot()
		if asked != 0 || got.State != machine.Lockout || got.WindowsInRow != 2 || got.Lockouts[machine.TriggerCircuitBreaker] != 0 {
			t.Errorf("%d probes, %+v", asked, got.Status)
		}
		if !strings.Contains(log.String(), "[DB Supervisor] Lockout backoff: 600s (10m) remaining.") {
			t.Errorf("log:\n%s", &log)
		}

		// An operator empties the record in which a process before has left a window.
		writings, conflicts = 0, map[int]machine.Record{1: {Cleared: time.Now()}}
		window.Opened, window.Until = time.Now().Add(-time.Second), time.Now().Add(15*time.Minute)
		s = keptBy(t, p, probe, &log, time.Second, machine.Record{Windows: []machine.Window{window}})
		if asked != 1 || s.Snapshot().WindowsInRow != 1 {
			t.Errorf("%d probes, %+v", asked, s.Snapshot().Status)
		}
	})
}

// TestBegin: what a process before has left is said like a change, and a minute
// later it is stored anew, on a clock that may have been set.
func TestBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := new(paper)
		until := time.Now().Add(12 * time.Minute).UTC()
		s := keptBy(t, p, func(context.Context) machine.Outcome { panic("a probe inside the window") }, &log, 61*time.Second,
			machine.Record{Windows: []machine.Window{{Key: "k", Trigger: machine.TriggerCircuitBreaker, Cause: "c", Opened: until.Add(-15 * time.Minute), Until: until, InRow: 1}}})
		if got := s.Snapshot(); got.State != machine.Lockout || !got.Next.Equal(until) || got.Cause != "c" || got.Window() != 15*time.Minute {
			t.Errorf("%+v", got.Status)
		}
		lines := log.String()
		for _, want := range []string{"READY=false reason=lockout next_retry_in=720s", "Lockout backoff: 720s (12m)", "Lockout backoff: 660s (11m)"} {
			if !strings.Contains(lines, want) {
				t.Errorf("no %q in\n%s", want, lines)
			}
		}
		if len(p.records) != 2 || !p.records[1].Windows[0].Until.Equal(until) {
			t.Errorf("stored %+v", p.records)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		asked := 0
		keptBy(t, new(paper), func(context.Context) machine.Outcome { asked++; return machine.Outcome{Reason: machine.ReasonOK} }, &log, 14*time.Minute-time.Second,
			machine.Record{Lost: time.Now().Add(-time.Minute)})
		if asked != 0 || !strings.Contains(log.String(), "READY=false reason=store_lost next_retry_in=840s") {
			t.Errorf("%d probes, log:\n%s", asked, &log)
		}
	})
}

// TestHoldAfterWindow: when a window ends before the hold of the credential, people
// are told of the hold, and not of a trial.
func TestHoldAfterWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		now := time.Now()
		s := keptBy(t, new(paper), func(context.Context) machine.Outcome { panic("a probe inside the hold") }, &log, 2*time.Minute, machine.Record{
			Windows:  []machine.Window{{Key: "k", Trigger: machine.TriggerCircuitBreaker, Opened: now.Add(-14 * time.Minute), Until: now.Add(time.Minute), InRow: 1}},
			Rejected: []machine.Rejection{{Key: "k", Credential: "c", First: now.Add(-15 * time.Minute), Since: now.Add(-15 * time.Minute), Until: now.Add(5 * time.Minute)}},
		})
		if got := s.Snapshot(); got.State != machine.Rejected || got.Remaining(time.Now()) != 3*time.Minute {
			t.Errorf("%+v", got.Status)
		}
		if want := "READY=false reason=auth_failed next_retry_in=240s"; !strings.Contains(log.String(), want) {
			t.Errorf("no %q in\n%s", want, &log)
		}
	})
}
