package machine

import (
	"errors"
	"testing"
	"time"
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
	}
	for _, state := range States {
		if !states[state] {
			t.Errorf("no rule leads to %s", state)
		}
	}
	if RuleFor("new") != RuleFor(ReasonUnknown) {
		t.Error("a reason without a row is not treated as unknown")
	}
}

// TestLateResults: a result changes something only once, and only while its
// permit is the one that is out.
func TestLateResults(t *testing.T) {
	now := time.Now()
	m := New(DefaultPolicy(), Target{Key: "k", Credential: "a"}, func() float64 { return 0 }, now)
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
		m := New(DefaultPolicy(), Target{Key: "k", Credential: "a"}, func() float64 { return 0 }, now)
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
