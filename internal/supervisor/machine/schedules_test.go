package machine

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// targets are what a schedule may rotate to.
var targets = []Target{
	{Key: "one", Credential: "a", DSN: "1", Shared: true}, {Key: "one", Credential: "b", DSN: "2", Shared: true},
	{Key: "two", Credential: "c", DSN: "3", DBHost: true}, {Key: "three", Credential: "d", DSN: "4"},
	{Key: "one", Credential: "a", DSN: "5", Fault: ReasonGuard}, {Key: "three", Credential: "d", DSN: "6"},
}

// probed are the reasons that a probe may end with.
var probed = func() (reasons []Reason) {
	for _, rule := range Rules {
		if rule.State != Misconfigured && rule.State != Starting {
			reasons = append(reasons, rule.Reason)
		}
	}
	return reasons
}()

// TestSchedules drives the machine through random outcomes, pauses, clock jumps,
// rotations, restarts, crashes and faults of the store, and holds it to the
// invariants that need no knowledge of its inside: no permit in a window, window
// and hold within their bounds, one permit at a time, silence after a lost store.
func TestSchedules(t *testing.T) {
	schedules, attempts := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		schedules++
		s := newSchedule(t)
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				s.now = s.now.Add(time.Duration(rapid.Int64Range(0, int64(25*time.Minute)).Draw(t, "pause")))
			},
			"wait until due": func(t *rapid.T) {
				if due, ok := s.m.Due(); ok && due.After(s.now) {
					s.now = due
				}
			},
			"set the clock":  func(t *rapid.T) { s.jump(t, -1e6, 1e6); s.save() },
			"restart":        func(t *rapid.T) { s.restart(t) },
			"break the disk": func(t *rapid.T) { s.broken = true },
			"mend the disk":  func(t *rapid.T) { s.broken = false; s.save() },
			"set back while nothing runs": func(t *rapid.T) {
				s.jump(t, -1e6, 0)
				s.restart(t)
			},
			"lose the store": s.lose,
			"clear":          func(*rapid.T) { s.clear() },
			"rotate": func(t *rapid.T) {
				s.target = rapid.SampledFrom(targets).Draw(t, "target")
				s.m.Configure(s.now, s.target)
				s.save()
			},
			"probe": s.probe,
			"crash": func(t *rapid.T) { s.crash(t) },
		})
		attempts += s.attempts
	})
	t.Logf("%d schedules, %d attempts, 0 violations", schedules, attempts)
}

// schedule is one run of the machine beside a model of what it may do.
type schedule struct {
	m        *Machine
	random   func() float64
	policy   Policy
	now      time.Time
	target   Target
	attempts int

	// The store: a text and the model as it was when that was written.
	broken bool
	text   []byte
	saved  model
	model
}

// model knows until when there is silence.
type model struct {
	windows map[string]deadline // by key
	holds   map[string]deadline // by credential
	lost    deadline            // for all
	begun   deadline            // least time of the next attempt after one without an end
}

func newModel() model {
	return model{windows: make(map[string]deadline), holds: make(map[string]deadline)}
}

// deadline is a time, and how far ahead it can be at most when the clock is set.
type deadline struct {
	at   time.Time
	most time.Duration
}

// written is the deadline as it is stored, on the wall clock of now; read takes it
// back. A clock that was set meanwhile moves it, but never beyond its most.
func (d deadline) written(now time.Time) deadline {
	if !d.at.After(now) {
		return deadline{} // over
	}
	return deadline{now.Add(d.at.Sub(now)).Round(0), d.most}
}
func (d deadline) read(now time.Time) deadline {
	return deadline{now.Add(min(d.at.Sub(now), d.most)), d.most}
}

// carried is the model with each deadline changed.
func (m model) carried(now time.Time, change func(deadline, time.Time) deadline) model {
	next := newModel()
	next.lost, next.begun = change(m.lost, now), change(m.begun, now)
	for key, until := range m.windows {
		next.windows[key] = change(until, now)
	}
	for credential, until := range m.holds {
		next.holds[credential] = change(until, now)
	}
	return next
}

func newSchedule(t *rapid.T) *schedule {
	jitter := rapid.Float64Range(0, 0.999999)
	s := &schedule{
		policy: DefaultPolicy(), now: time.Now(), target: rapid.SampledFrom(targets).Draw(t, "target"),
		random: func() float64 { return jitter.Draw(t, "jitter") },
	}
	s.model = newModel()
	s.m = New(s.policy, s.target, s.random, s.now)
	s.save()
	return s
}

// jump sets the clock by so many seconds.
func (s *schedule) jump(t *rapid.T, least, most int64) {
	s.now = jumped(s.now, time.Duration(rapid.Int64Range(least, most).Draw(t, "jump"))*time.Second)
}

// save stores the record, unless the disk is broken.
func (s *schedule) save() {
	if s.broken {
		return
	}
	var err error
	if s.text, err = json.Marshal(s.m.Record(s.now)); err != nil {
		panic(err)
	}
	s.saved = s.model.carried(s.now, deadline.written)
}

// restart begins another process with what was stored. The model forgets what was
// not.
func (s *schedule) restart(t *rapid.T) {
	var r Record
	if err := json.Unmarshal(s.text, &r); err != nil {
		t.Fatal(err)
	}
	s.model = s.saved.carried(s.now, deadline.read)
	s.m = New(s.policy, s.target, s.random, s.now)
	s.m.Restore(s.now, r)
	if due, ok := s.m.Due(); ok && due.Sub(s.now) > s.policy.Longest() {
		t.Fatalf("after a restart the next attempt is in %s", due.Sub(s.now))
	}
	s.save()
}

// lose begins another process, which finds a store that it cannot read.
func (s *schedule) lose(t *rapid.T) {
	age := time.Duration(rapid.Int64Range(-int64(time.Hour), int64(time.Hour)).Draw(t, "age"))
	stamp := s.now.Add(-age).Round(0)
	s.model = newModel()
	s.lost = deadline{s.now.Add(s.policy.Lockout.Min - max(age, 0)), s.policy.Lockout.Min} // not written in the future
	s.m = New(s.policy, s.target, s.random, s.now)
	s.m.Restore(s.now, Record{Lost: stamp})
	if due, ok := s.m.Due(); ok && due.Sub(s.now) > s.policy.Lockout.Min {
		t.Fatalf("a lost store keeps the next attempt waiting for %s", due.Sub(s.now))
	}
	s.save()
}

// clear empties the record.
func (s *schedule) clear() {
	s.m.Adopt(s.now, Record{Cleared: s.now})
	s.model = newModel()
	s.save()
}

// admit asks for a permit and holds it against the model.
func (s *schedule) admit(t *rapid.T) (Permit, bool) {
	permit, err := s.m.Admit(s.now)
	if err != nil {
		return permit, false
	}
	if s.now.Before(s.windows[s.target.Key].at) || s.now.Before(s.lost.at) || s.now.Before(s.begun.at) ||
		s.now.Before(s.holds[s.target.Credential].at) || s.target.Fault != "" {
		t.Fatalf("permit for %v at %s, the model says %+v", s.target, s.now, s.model)
	}
	if _, err := s.m.Admit(s.now); !errors.Is(err, ErrBusy) {
		t.Fatalf("two permits at a time: %v", err)
	}
	s.attempts++
	return permit, true
}

// crash begins an attempt and ends the process in it.
func (s *schedule) crash(t *rapid.T) {
	if _, ok := s.admit(t); !ok {
		return
	}
	if !s.broken {
		s.begun = deadline{s.now.Add(s.policy.Retry.Min), s.policy.Retry.Min}
	}
	s.save()
	s.restart(t)
}

func (s *schedule) probe(t *rapid.T) {
	before := s.m.Status
	permit, ok := s.admit(t)
	if !ok {
		return
	}
	s.save()
	asked := s.now
	s.now = s.now.Add(time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(t, "latency")))
	o := Outcome{Reason: rapid.SampledFrom(probed).Draw(t, "reason"), Knocked: true}
	if o.Reason == ReasonLockout {
		o.Trigger = rapid.SampledFrom(Triggers).Draw(t, "trigger")
		o.Cause = rapid.SampledFrom([]string{"", "password authentication failed"}).Draw(t, "cause")
	}
	o.Refused = o.Reason == ReasonNetwork && rapid.Bool().Draw(t, "refused")
	s.m.Settle(s.now, permit, o)
	s.begun = deadline{}
	if o.Reason == ReasonOK {
		delete(s.holds, s.target.Credential)
	}
	wait := s.m.Next.Sub(s.now)
	switch {
	case s.m.State == Lockout:
		bounds := s.policy.window(s.m.Trigger)
		s.windows[s.target.Key] = deadline{s.m.Next, bounds.Max}
		if wait < bounds.Min || wait > bounds.Max {
			t.Fatalf("a window of %s for %s", wait, s.m.Trigger)
		}
		if s.m.Trigger == TriggerServerLoginRetry && before.State == Lockout && before.Next.Equal(asked) {
			t.Fatal("the first answer after a window opened the next one")
		}
	case s.m.Reason == ReasonAuthFailed && wait <= s.policy.Rejected.Max:
		s.holds[s.target.Credential] = deadline{s.m.Next, s.policy.Rejected.Max}
	case s.m.State == Rejected && wait > s.policy.Rejected.Max, s.m.State == Retrying && wait > CautiousLast:
		t.Fatalf("%s for %s", s.m.State, wait)
	case s.m.State == Ready && wait != s.policy.ProbeInterval && wait != ConfirmDelay:
		t.Fatalf("ready, and next after %s", wait)
	case s.m.State == Ready && o.Reason != ReasonOK && RuleFor(o.Reason).State != Retrying:
		t.Fatalf("ready in spite of %s", o.Reason)
	}
	s.save()
}
