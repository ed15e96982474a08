package machine

import (
	"testing"
	"time"
	"unsafe"
)

// jumped is t as the clock would give it after the wall clock was set by d: the
// monotonic reading stays. There is no other way to have such a time in a test.
func jumped(at time.Time, d time.Duration) time.Time {
	const secondsShift = 30 // time.Time keeps the wall seconds above 30 bits of nanoseconds
	*(*uint64)(unsafe.Pointer(&at)) += uint64(d/time.Second) << secondsShift
	return at
}

// TestClockJump: within a process a set clock neither ends a window early nor
// prolongs it (invariant 1).
func TestClockJump(t *testing.T) {
	start := time.Now()
	if jumped(start, time.Hour).Sub(start) != 0 || jumped(start, time.Hour).Unix() != start.Unix()+3600 {
		t.Fatal("the test does not know how time.Time is laid out any more")
	}
	for _, jump := range []time.Duration{time.Hour, -time.Hour, 24 * 365 * time.Hour} {
		m := New(DefaultPolicy(), Target{Key: "k"}, func() float64 { return 0 }, start)
		permit, err := m.Admit(start)
		if err != nil {
			t.Fatal(err)
		}
		m.Settle(start, permit, Outcome{Reason: ReasonLockout, Trigger: TriggerCircuitBreaker})
		early := jumped(start.Add(15*time.Minute-time.Second), jump)
		if _, err := m.Admit(early); err == nil {
			t.Errorf("jump of %s: admitted a second before the window's end", jump)
		}
		if got := m.Status(early).RetryAt().Sub(early); got != time.Second {
			t.Errorf("jump of %s: %s remain, want 1s", jump, got)
		}
		if _, err := m.Admit(jumped(start.Add(15*time.Minute), jump)); err != nil {
			t.Errorf("jump of %s: no trial at the window's end: %v", jump, err)
		}
	}
}
