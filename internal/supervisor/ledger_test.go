package supervisor

import (
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestHistory: the last fifty changes stay, the newest last; a window after the
// trial of another is a change too.
func TestHistory(t *testing.T) {
	ledger, begin := newLedger(), time.Date(2026, 1, 18, 15, 0, 0, 0, time.UTC)
	for i := range 70 {
		change := machine.Transition{At: begin.Add(time.Duration(i) * time.Minute), From: machine.Status{State: machine.Retrying}, To: machine.Status{State: machine.Ready, Reason: machine.ReasonOK}}
		ledger = ledger.record(change)
	}
	again := machine.Status{State: machine.Lockout, Reason: machine.ReasonLockout, Trigger: machine.TriggerCircuitBreaker}
	ledger = ledger.record(machine.Transition{At: begin.Add(2 * time.Hour), From: again, To: again, Opened: true})
	ledger = ledger.record(machine.Transition{At: begin.Add(3 * time.Hour), From: again, To: again}) // nothing new
	last := ledger.History[len(ledger.History)-1]
	if len(ledger.History) != 50 || !ledger.History[0].At.Equal(begin.Add(21*time.Minute)) || !last.At.Equal(begin.Add(2*time.Hour)) || last.To != machine.Lockout {
		t.Errorf("%d entries, from %s to %+v", len(ledger.History), ledger.History[0].At, last)
	}
}

// TestSinceOfWindow: a second window in a row begins when it begins.
func TestSinceOfWindow(t *testing.T) {
	s := newStage(t, machine.DefaultPolicy(), machine.Target{Key: "k"})
	breaker := machine.Outcome{Reason: machine.ReasonLockout, Trigger: machine.TriggerCircuitBreaker}
	s.answer(breaker)
	s.answer(breaker)
	if got := s.Status(s.now); got.WindowsInRow != 2 || !got.Since.Equal(s.now) {
		t.Errorf("%+v at %s", got, s.now)
	}
}
