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

// TestStoreReadLate: a store that is there and cannot be looked at is tried again,
// in silence, and the window in it counts as soon as it can be read. Nothing is
// written over it meanwhile.
func TestStoreReadLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		until := time.Now().Add(18 * time.Minute).UTC()
		stored := machine.Record{Windows: []machine.Window{{Key: "k", Trigger: machine.TriggerCircuitBreaker, Opened: until.Add(-20 * time.Minute), Until: until, InRow: 1}}}
		tries := 0
		p := new(paper)
		probe := prober(func(context.Context) machine.Outcome {
			if time.Now().Before(until) {
				t.Errorf("a login %s before the window's end", time.Until(until))
			}
			return machine.Outcome{Reason: machine.ReasonOK, Knocked: true}
		})
		subject := Subject{Target: machine.Target{Key: "k"}, Prober: probe}
		read := func(context.Context) (machine.Record, Subject, error) {
			if tries++; tries < 4 {
				return machine.Record{}, Subject{}, errors.New("stale file handle")
			}
			return stored, subject, nil
		}
		s := New(machine.DefaultPolicy(), subject, p, slog.New(slog.NewTextHandler(&log, nil)))
		s.Begin(machine.Record{Lost: time.Now()}, read)
		if got := s.Snapshot(); got.Reason != machine.ReasonStoreLost || !got.Unstored {
			t.Errorf("%+v", got.Status)
		}
		runFor(t, s, 19*time.Second)
		if len(p.records) > 0 || tries != 3 {
			t.Errorf("%d tries, written over: %+v", tries, p.records)
		}
		runFor(t, s, 2*time.Second)
		if got := s.Snapshot(); got.State != machine.Lockout || !got.Next.Equal(until) || got.Unstored || len(p.records) == 0 {
			t.Errorf("%+v, %d records", got.Status, len(p.records))
		}
		runFor(t, s, 18*time.Minute)
		if got := s.Snapshot(); !got.Ready() || !strings.Contains(log.String(), "can be read again") {
			t.Errorf("%+v\n%s", got.Status, &log)
		}
	})
}

// TestStoreWrittenLate: a lock that another process gives up is taken within
// seconds, so that a window opened meanwhile is not lost with this process.
func TestStoreWrittenLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		locked := errors.New("another process keeps its state there")
		freed := time.Now().Add(61 * time.Second)
		p := new(paper)
		p.saving = func(context.Context, machine.Record) error {
			if time.Now().Before(freed) {
				return locked
			}
			return nil
		}
		s := keptBy(t, p, func(context.Context) machine.Outcome { return breakerTripped }, &log, 66*time.Second)
		if got := s.Snapshot(); got.Unstored || len(p.records) == 0 || len(p.records[0].Windows) != 1 {
			t.Errorf("%+v: %+v", got.Status, p.records)
		}
	})
}

// TestEndInTrial: a process that is told to end while its trial's login is out
// stores that it was begun, so that the next one does not make a second.
func TestEndInTrial(t *testing.T) {
	for _, c := range []struct {
		knocked bool
		state   machine.State
	}{{true, machine.Lockout}, {false, machine.Lockout}} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			now := time.Now()
			over := machine.Record{Verdict: machine.Verdict{Key: "k", Credential: "c", State: machine.Lockout, Reason: machine.ReasonLockout,
				Trigger: machine.TriggerCircuitBreaker, Since: now.Add(-20 * time.Minute), Next: now, Windows: 1}}
			p := new(paper)
			probe := func(ctx context.Context) machine.Outcome { <-ctx.Done(); return machine.Outcome{Knocked: c.knocked} }
			keptBy(t, p, probe, &log, time.Second, over)
			next := machine.New(machine.DefaultPolicy(), machine.Target{Key: "k", Credential: "c"}, func() float64 { return 0 }, time.Now())
			next.Restore(time.Now(), p.records[len(p.records)-1])
			due, _ := next.Due(time.Now())
			if wait := time.Until(due); wait > 14*time.Minute != c.knocked {
				t.Errorf("login sent %v: the next process waits %s", c.knocked, wait)
			}
		})
	}
}

// TestClearedWhileItWaits: a clear is heard within seconds, without a signal, and one
// that was asked for before the window opened changes nothing.
func TestClearedWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		probes, begun := 0, time.Now()
		probe := func(context.Context) machine.Outcome { probes++; return breakerTripped }
		p := new(paper)
		p.saving = func(context.Context, machine.Record) error {
			switch time.Since(begun) {
			case time.Minute:
				p.cleared = begun.Add(-time.Second) // asked for before the window opened
			case 2 * time.Minute:
				p.cleared = time.Now()
			}
			return nil
		}
		keptBy(t, p, probe, &log, 2*time.Minute+6*time.Second)
		if probes != 2 || strings.Count(log.String(), "cleared by hand") != 2 {
			t.Errorf("%d probes\n%s", probes, &log)
		}
	})
}
