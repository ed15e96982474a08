package machine

import (
	"errors"
	"time"

	"pgregory.net/rapid"
)

// admit asks for a permit and holds it against the model.
func (s *schedule) admit(t *rapid.T) (Permit, bool) {
	permit, err := s.m.Admit(s.now)
	if err != nil {
		return permit, false
	}
	if s.silent(s.target, s.now) {
		t.Fatalf("permit for %v at %s, the model says %+v", s.target, s.now, s.model)
	}
	if _, err := s.m.Admit(s.now); !errors.Is(err, ErrBusy) {
		t.Fatalf("two permits at a time: %v", err)
	}
	s.attempts++
	return permit, true
}

// crash begins an attempt and ends the process in it. If it was the trial after a
// window, it counts as one that met the next.
func (s *schedule) crash(t *rapid.T) {
	before := s.m.Status(s.now)
	if _, ok := s.admit(t); !ok {
		return
	}
	if !s.broken && !s.hidden {
		s.begun = deadline{s.now.Add(s.policy.Retry.Min), s.now, s.policy.Retry.Min}
		if before.State == Lockout {
			bounds := s.policy.Window(before.Trigger)
			s.keep(s.target.Key, deadline{s.now.Add(bounds.Min), s.now, bounds.Max}, s.now)
		}
	}
	s.save()
	s.restart(t)
}

func (s *schedule) probe(t *rapid.T) {
	before := s.m.Status(s.now)
	permit, ok := s.admit(t)
	if !ok {
		return
	}
	s.save()
	asked := s.now
	s.now = s.now.Add(span(t, "latency", 0, 5*time.Second))
	o := Outcome{Reason: rapid.SampledFrom(probed).Draw(t, "reason"), Knocked: true}
	if o.Reason == ReasonLockout {
		o.Trigger = rapid.SampledFrom(Triggers).Draw(t, "trigger")
		o.Cause = rapid.SampledFrom([]string{"", "password authentication failed"}).Draw(t, "cause")
	}
	o.Refused = o.Reason == ReasonNetwork && rapid.Bool().Draw(t, "refused")
	v := s.m.Settle(s.now, permit, o).To
	s.begun = deadline{}
	if o.Reason == ReasonOK {
		delete(s.holds, s.target.Credential)
		s.lost = deadline{}
	}
	wait := v.Next.Sub(s.now)
	switch {
	case v.State == Lockout:
		bounds := s.policy.Window(v.Trigger)
		s.windows[s.target.Key] = deadline{v.Next, s.now, bounds.Max}
		if wait < bounds.Min || wait > bounds.Max {
			t.Fatalf("a window of %s for %s", wait, v.Trigger)
		}
		if v.Trigger == TriggerServerLoginRetry && before.State == Lockout && before.Next.Equal(asked) {
			t.Fatal("the first answer after a window opened the next one")
		}
	case v.Reason == ReasonAuthFailed && wait <= s.policy.Rejected.Max:
		s.holds[s.target.Credential] = deadline{v.Next, v.Since, s.policy.Rejected.Max}
	case v.State == Rejected && wait > s.policy.Rejected.Max, v.State == Retrying && wait > CautiousLast:
		t.Fatalf("%s for %s", v.State, wait)
	case v.Ready() && wait != s.policy.ProbeInterval && wait != ConfirmDelay:
		t.Fatalf("ready, and next after %s", wait)
	case v.Ready() && o.Reason != ReasonOK && RuleFor(o.Reason).State != Retrying:
		t.Fatalf("ready in spite of %s", o.Reason)
	}
	s.save()
}
