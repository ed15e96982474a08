package report

import (
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestStateEnds: nobody who waits until a shown end is early, and what is over, or
// longer than it can last, is not shown.
func TestStateEnds(t *testing.T) {
	policy, now := machine.DefaultPolicy(), at
	end := now.Add(10*time.Minute + time.Millisecond)
	r := NewStateReport("file:x", "", false, machine.Record{
		Windows: []machine.Window{
			{Key: "k", Trigger: machine.TriggerCircuitBreaker, Opened: end.Add(-15 * time.Minute), Until: end},
			{Key: "over", Trigger: machine.TriggerCircuitBreaker, Opened: now.Add(-time.Hour), Until: now},
		},
		Rejected: []machine.Rejection{
			{Key: "k", Credential: "a", First: now, Since: now, Until: now.Add(5 * time.Hour)},
			{Key: "k", Credential: "b", First: now, Since: now},
		},
		Lost: now.Add(time.Hour),
	}, policy, now)
	if len(r.Windows) != 1 || r.Windows[0].Until.Before(end) || r.Windows[0].Until.Sub(end) >= time.Second || r.Windows[0].RemainingSeconds != 601 {
		t.Errorf("windows %+v", r.Windows)
	}
	if len(r.Holds) != 1 || !r.Holds[0].Until.Equal(now.Add(policy.Rejected.Max)) {
		t.Errorf("holds %+v", r.Holds)
	}
	if r.Silent == nil || !r.Silent.Equal(now.Add(policy.Lockout.Min)) || r.Lost == "" || r.Empty() {
		t.Errorf("silent until %v: %q", r.Silent, r.Lost)
	}
}
