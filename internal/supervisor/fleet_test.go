package supervisor

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// paperFleet is a fleet whose answers are given.
type paperFleet struct {
	views chan View
	save  error
	saves int
	late  bool

	settled machine.Verdict // of a leader with another credential
}

func (f *paperFleet) Load(context.Context) (machine.Record, bool, error) {
	return machine.Record{}, false, nil
}
func (f *paperFleet) Save(context.Context, machine.Record) error {
	if f.saves++; f.saves == 1 { // of the record as it was taken up; the next is before the attempt
		return nil
	}
	return f.save
}
func (f *paperFleet) Views() <-chan View                { return f.views }
func (f *paperFleet) Tell(Self)                         {}
func (f *paperFleet) Ours(context.Context, string) bool { return !f.late }

// perform gives a supervisor views and returns it, and how often it has asked.
func perform(t *testing.T, f *paperFleet, views ...View) (*Snapshot, int) {
	t.Helper()
	asked := 0
	f.views = make(chan View, len(views))
	for _, v := range views {
		f.views <- v
	}
	s := New(machine.DefaultPolicy(), Subject{Target: machine.Target{Key: "k", Credential: "c"}, Prober: prober(func(context.Context) machine.Outcome {
		asked++
		return machine.Outcome{Reason: machine.ReasonOK, Knocked: true}
	})}, f, slog.New(slog.DiscardHandler))
	runFor(t, s, time.Second)
	return s.Snapshot(), asked
}

// TestFleetHook: a member asks when the lease is its own and the writing before it is
// taken; what it finds after the lease has ended is dropped, and what a dead leader had
// begun as its trial is a window.
func TestFleetHook(t *testing.T) {
	begun := machine.Record{
		Verdict: machine.Verdict{Key: "k", Credential: "c", State: machine.Lockout, Reason: machine.ReasonLockout, Trigger: machine.TriggerCircuitBreaker, Windows: 1},
		Attempt: machine.Begun{InRow: 1, After: machine.TriggerCircuitBreaker},
	}
	for _, c := range []struct {
		name  string
		fleet paperFleet
		leads bool
		left  machine.Record
		asked int
		state machine.State
	}{
		{"the lease is ours", paperFleet{}, true, machine.Record{}, 1, machine.Ready},
		{"the leader's trial is to be made", paperFleet{settled: begun.Verdict}, true, machine.Record{}, 0, machine.Starting},
		{"it is not", paperFleet{}, false, machine.Record{}, 0, machine.Starting},
		{"the writing is refused", paperFleet{save: &NotOursError{}}, true, machine.Record{}, 0, machine.Starting},
		{"the lease ends meanwhile", paperFleet{late: true}, true, machine.Record{}, 1, machine.Starting},
		{"a dead leader's trial", paperFleet{}, true, begun, 0, machine.Lockout},
	} {
		synctest.Test(t, func(t *testing.T) {
			v := View{Heard: time.Now(), Leads: c.leads && c.fleet.settled.Key == "", Settled: c.fleet.settled, Asks: c.leads, Record: c.left}
			if c.leads {
				v.Lease = "epoch/1"
			}
			if c.left.Attempt.InRow > 0 {
				v.Record.Attempt.At = time.Now().Add(-time.Minute)
			}
			s, asked := perform(t, &c.fleet, v)
			if asked != c.asked || s.State != c.state {
				t.Errorf("%s: %d logins, state %s", c.name, asked, s.State)
			}
			if c.fleet.late && !s.Attempt.At.IsZero() {
				t.Errorf("%s: %+v is shown", c.name, s.Attempt)
			}
		})
	}
}

// TestFleetUnheard: a follower tells the last verdict for a minute, and no longer.
func TestFleetUnheard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &paperFleet{}
		now := time.Now()
		ready := machine.Record{Verdict: machine.Verdict{Key: "k", Credential: "c", State: machine.Ready, Reason: machine.ReasonOK, Since: now, Next: now.Add(time.Minute)}}
		if s, asked := perform(t, f, View{Heard: now, Record: ready}); !s.Ready() || asked != 0 {
			t.Errorf("%+v", s.Status)
		}
		for age, want := range map[time.Duration]machine.State{58 * time.Second: machine.Starting, 62 * time.Second: machine.Retrying} {
			if s, asked := perform(t, f, View{Heard: time.Now().Add(-age), Err: context.DeadlineExceeded}); s.State != want || asked != 0 || !s.Unstored {
				t.Errorf("after %s: %+v", age, s.Status)
			}
		}
	})
}

// TestFleetTold: what people were told is known to everybody, so that a new leader goes
// on from there; what Redis has lost stays. Who asks with another credential begins anew.
func TestFleetTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := machine.Told{Down: time.Now(), Last: time.Now()}
		left := machine.Record{Verdict: machine.Verdict{Key: "k", Credential: "c", State: machine.Retrying, Reason: machine.ReasonNetwork}, Told: told}
		follows := View{Heard: time.Now(), Record: left}
		leads, apart := View{Heard: time.Now(), Leads: true, Asks: true, Lease: "epoch/1"}, View{Heard: time.Now(), Asks: true, Lease: "epoch/1"}
		took := leads
		took.Record = left
		behind := took
		behind.Record.Told = machine.Told{Last: time.Now().Add(-time.Hour)}
		for name, test := range map[string]struct {
			views []View
			known bool
		}{
			"a follower": {[]View{follows}, true}, "it leads": {[]View{took}, true},
			"it leads, and Redis is behind": {[]View{follows, behind}, true},
			"it leads, and Redis is empty":  {[]View{follows, leads}, true}, "another credential": {[]View{follows, apart}, false},
		} {
			s, _ := perform(t, new(paperFleet), test.views...)
			if known := s.Told.Down.Equal(told.Down); known != test.known {
				t.Errorf("%s: %+v", name, s.Told)
			}
		}
	})
}

// TestFleetOld: a follower whose store is away says how old the verdict is, and after a
// minute that it is not to be trusted.
func TestFleetOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ready := machine.Record{Verdict: machine.Verdict{Key: "k", Credential: "c", State: machine.Ready, Reason: machine.ReasonOK, Since: time.Now()}}
		for age, want := range map[time.Duration]string{
			50 * time.Second: "The database answers. That is 51s old: the fleet's store does not answer.",
			70 * time.Second: "What the fleet's leader said is too old to trust: the store does not answer.",
		} {
			s, _ := perform(t, new(paperFleet), View{Heard: time.Now(), Record: ready}, View{Heard: time.Now().Add(-age), Err: errors.New("away")})
			if got := s.Message(time.Now()); got != want || !s.Unstored {
				t.Errorf("%s, %q, unstored %v", s.State, got, s.Unstored)
			}
		}
	})
}
