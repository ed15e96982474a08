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
	if got := m.Settle(now, permit, Outcome{Reason: ReasonAuthFailed}); !got.Dropped || !got.To.Ready() {
		t.Errorf("a permit was settled twice, which led to %s", got.To.State)
	}
	if got := m.Settle(now, Permit{}, Outcome{Reason: ReasonAuthFailed}); !got.Dropped || !got.To.Ready() {
		t.Errorf("no permit was settled, which led to %s", got.To.State)
	}
}

// TestTargetDuringProbe: what a login under way will find is on the target that it
// was made for, so the driver may not change it meanwhile.
func TestTargetDuringProbe(t *testing.T) {
	now := time.Now()
	m := New(DefaultPolicy(), Target{Key: "k", Credential: "a"}, func() float64 { return 0 }, now)
	if _, err := m.Admit(now); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("the target changed under a login")
		}
	}()
	m.SetTarget(now, Target{Key: "k", Credential: "b"})
}

// TestClearedTrial: a trial that somebody else had begun before an operator's word
// opens no window when its end is never heard.
func TestClearedTrial(t *testing.T) {
	now := time.Now()
	begun := Record{
		Verdict: Verdict{Key: "k", Credential: "a", State: Lockout, Reason: ReasonLockout, Trigger: TriggerCircuitBreaker, Since: now.Add(-time.Hour), Next: now.Add(-time.Second), Windows: 1},
		Attempt: Begun{At: now, InRow: 1, After: TriggerCircuitBreaker},
	}
	for _, cleared := range []bool{false, true} {
		m := New(DefaultPolicy(), Target{Key: "k", Credential: "a"}, func() float64 { return 0 }, now)
		m.Follow(now, begun)
		later := now.Add(time.Minute)
		if cleared {
			m.Heed(later, Record{Cleared: now.Add(time.Second)})
		}
		m.Lead(later, Record{})
		if s, stands := m.Barrier(later); stands == cleared {
			t.Errorf("cleared %v: %s until %s", cleared, s.State, s.Next)
		}
	}
}
