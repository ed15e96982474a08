package supervisor

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestRulesAreComplete: every reason has one row, and every state but stopping,
// which is the process's own, can be reached.
func TestRulesAreComplete(t *testing.T) {
	reasons, states := make(map[Reason]bool), map[State]bool{Stopping: true}
	for _, rule := range Rules {
		if reasons[rule.Reason] {
			t.Errorf("%s has two rows", rule.Reason)
		}
		reasons[rule.Reason], states[rule.State] = true, true
		if words := phrases[rule.Reason]; rule.State != Lockout && (words.message == "" || words.advice == "") {
			t.Errorf("%s has no words", rule.Reason)
		}
	}
	for _, state := range States {
		if !states[state] {
			t.Errorf("no rule leads to %s", state)
		}
	}
	if ruleFor("new") != ruleFor(ReasonUnknown) {
		t.Error("a reason without a row is not treated as unknown")
	}
}

// TestLateResults: a result changes something only once, and only while its
// permit is the one that is out.
func TestLateResults(t *testing.T) {
	now := time.Now()
	m := NewMachine(DefaultPolicy(), Target{Key: "k", Credential: "a"}, func() float64 { return 0 }, now)
	permit, err := m.Admit(now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Admit(now); !errors.Is(err, ErrBusy) {
		t.Errorf("a second permit while one is out: %v", err)
	}
	m.Settle(now, permit, Outcome{Reason: ReasonOK})
	if got := m.Settle(now, permit, Outcome{Reason: ReasonAuthFailed}); !got.Dropped || m.State != Ready {
		t.Errorf("a permit was settled twice, which led to %s", m.State)
	}
	if got := m.Settle(now, Permit{}, Outcome{Reason: ReasonAuthFailed}); !got.Dropped || m.State != Ready {
		t.Errorf("no permit was settled, which led to %s", m.State)
	}
}

// TestRotationDuringProbe: a credential that changes while a login with the old
// one is out waits for its result; a lockout in it holds for the new one.
func TestRotationDuringProbe(t *testing.T) {
	for reason, want := range map[Outcome]State{
		{Reason: ReasonLockout, Trigger: TriggerCircuitBreaker}: Lockout,
		{Reason: ReasonAuthFailed}:                              Starting,
		{Reason: ReasonOK}:                                      Ready,
		{}:                                                      Starting,
	} {
		now := time.Now()
		m := NewMachine(DefaultPolicy(), Target{Key: "k", Credential: "a"}, func() float64 { return 0 }, now)
		permit, err := m.Admit(now)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Configure(now, Target{Key: "k", Credential: "b"}); got.Changed() || m.target.Credential != "a" {
			t.Errorf("%q: the change did not wait", reason.Reason)
		}
		if _, err := m.Admit(now); !errors.Is(err, ErrBusy) {
			t.Errorf("%q: a permit for the new credential beside the old one's: %v", reason.Reason, err)
		}
		if got := m.Settle(now, permit, reason); m.State != want || got.To != m.Status || m.target.Credential != "b" {
			t.Errorf("%q: state %s, want %s", reason.Reason, m.State, want)
		}
		_, err = m.Admit(now.Add(time.Minute))
		if blocked := err != nil; blocked != (want == Lockout) {
			t.Errorf("%q: %v", reason.Reason, err)
		}
	}
}

// TestSchedules drives the machine through random outcomes, pauses, clock jumps,
// rotations and restarts, and holds it to the invariants that need no knowledge of its inside: no permit
// in a window, window and hold within their bounds, one permit at a time.
func TestSchedules(t *testing.T) {
	policy := DefaultPolicy()
	targets := []Target{
		{Key: "one", Credential: "a", Shared: true}, {Key: "one", Credential: "b", Shared: true},
		{Key: "two", Credential: "c", DBHost: true}, {Key: "three", Credential: "d"},
		{Key: "one", Credential: "a", Fault: ReasonGuard},
	}
	var reasons []Reason
	for _, rule := range Rules {
		if rule.State != Misconfigured && rule.State != Starting {
			reasons = append(reasons, rule.Reason)
		}
	}
	schedules, attempts := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		schedules++
		now := time.Now()
		target := rapid.SampledFrom(targets).Draw(t, "target")
		jitter := rapid.Float64Range(0, 0.999999)
		m := NewMachine(policy, target, func() float64 { return jitter.Draw(t, "jitter") }, now)
		windows := make(map[string]time.Time) // the model: until when a key is blocked
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.Int64Range(0, int64(25*time.Minute)).Draw(t, "pause")))
			},
			"wait until due": func(t *rapid.T) {
				if due, ok := m.Due(); ok && due.After(now) {
					now = due
				}
			},
			"set the clock": func(t *rapid.T) {
				now = jumped(now, time.Duration(rapid.Int64Range(-1e6, 1e6).Draw(t, "jump"))*time.Second)
			},
			"restart": func(t *rapid.T) { // the deadline is in memory
				m = NewMachine(policy, target, m.random, now)
				clear(windows)
			},
			"rotate": func(t *rapid.T) {
				target = rapid.SampledFrom(targets).Draw(t, "target")
				m.Configure(now, target)
			},
			"probe": func(t *rapid.T) {
				before := m.Status
				permit, err := m.Admit(now)
				if err != nil {
					return
				}
				if now.Before(windows[target.Key]) || target.Fault != "" {
					t.Fatalf("permit for %v at %s, its window ends at %s", target, now, windows[target.Key])
				}
				if _, err := m.Admit(now); !errors.Is(err, ErrBusy) {
					t.Fatalf("two permits at a time: %v", err)
				}
				attempts++
				asked := now
				now = now.Add(time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(t, "latency")))
				o := Outcome{Reason: rapid.SampledFrom(reasons).Draw(t, "reason"), Knocked: true}
				if o.Reason == ReasonLockout {
					o.Trigger = rapid.SampledFrom(Triggers).Draw(t, "trigger")
					o.Cause = rapid.SampledFrom([]string{"", "password authentication failed"}).Draw(t, "cause")
				}
				o.Refused = o.Reason == ReasonNetwork && rapid.Bool().Draw(t, "refused")
				m.Settle(now, permit, o)
				wait := m.Next.Sub(now)
				switch {
				case m.State == Lockout:
					windows[target.Key] = m.Next
					bounds := policy.window(m.Trigger)
					if wait < bounds.Min || wait > bounds.Max {
						t.Fatalf("a window of %s for %s", wait, m.Trigger)
					}
					if m.Trigger == TriggerServerLoginRetry && before.State == Lockout && before.Next.Equal(asked) {
						t.Fatal("the first answer after a window opened the next one")
					}
				case m.State == Rejected && wait > policy.Rejected.Max, m.State == Retrying && wait > cautiousLast:
					t.Fatalf("%s for %s", m.State, wait)
				case m.State == Ready && wait != policy.ProbeInterval && wait != confirmDelay:
					t.Fatalf("ready, and next after %s", wait)
				case m.State == Ready && o.Reason != ReasonOK && ruleFor(o.Reason).State != Retrying:
					t.Fatalf("ready in spite of %s", o.Reason)
				}
			},
		})
	})
	t.Logf("%d schedules, %d attempts, 0 violations", schedules, attempts)
}
