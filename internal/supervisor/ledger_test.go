package supervisor

import (
	"testing"
	"time"
)

// TestHistory: the last fifty changes stay, the newest last; a window after the
// trial of another is a change too.
func TestHistory(t *testing.T) {
	ledger, begin := newLedger(), time.Date(2026, 1, 18, 15, 0, 0, 0, time.UTC)
	for i := range 70 {
		change := Transition{At: begin.Add(time.Duration(i) * time.Minute), From: Status{State: Retrying}, To: Status{State: Ready, Reason: ReasonOK}}
		ledger = ledger.record(change)
	}
	again := Status{State: Lockout, Reason: ReasonLockout, Trigger: TriggerCircuitBreaker}
	ledger = ledger.record(Transition{At: begin.Add(2 * time.Hour), From: again, To: again, Opened: true})
	ledger = ledger.record(Transition{At: begin.Add(3 * time.Hour), From: again, To: again}) // nothing new
	last := ledger.History[len(ledger.History)-1]
	if len(ledger.History) != 50 || !ledger.History[0].At.Equal(begin.Add(21*time.Minute)) || !last.At.Equal(begin.Add(2*time.Hour)) || last.To != Lockout {
		t.Errorf("%d entries, from %s to %+v", len(ledger.History), ledger.History[0].At, last)
	}
}

// TestSinceOfWindow: a second window in a row begins when it begins.
func TestSinceOfWindow(t *testing.T) {
	s := newStage(t, DefaultPolicy(), Target{Key: "k"})
	breaker := Outcome{Reason: ReasonLockout, Trigger: TriggerCircuitBreaker}
	s.answer(breaker)
	s.answer(breaker)
	if s.WindowsInRow != 2 || !s.Since.Equal(s.now) {
		t.Errorf("%+v at %s", s.Status, s.now)
	}
}

// TestWordsAreComplete: people are told something about every reason.
func TestWordsAreComplete(t *testing.T) {
	for _, rule := range Rules {
		if words := phrases[rule.Reason]; rule.State != Lockout && (words.message == "" || words.advice == "") {
			t.Errorf("%s has no words", rule.Reason)
		}
	}
}
