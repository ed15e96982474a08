package machine

import (
	"fmt"
	"strconv"
	"time"
)

// Range is a span of time from which a delay is drawn. Both ends are positive
// and Min <= Max in a valid Policy.
type Range struct{ Min, Max time.Duration }

// At returns Min + j*(Max-Min) for j in [0,1): the one way a window or hold gets
// its length, so that no jitter can make it shorter than its floor.
func (r Range) At(j float64) time.Duration {
	return r.Min + time.Duration(j*float64(r.Max-r.Min))
}

// Policy is every delay that the environment may change (docs/config.md#when-it-asks).
// The zero value is not usable; start from [DefaultPolicy].
type Policy struct {
	ProbeInterval time.Duration // between probes while ready
	ProbeTimeout  time.Duration // one whole probe
	Retry         Range         // ladder of the retrying reasons
	Lockout       Range         // window after a lockout
	Breaker       Range         // window after a circuit_breaker
	Ban           Range         // window after a network_ban
	Rejected      Range         // hold after auth_failed
	// Counts tells which triggers are lockouts; the others become saturated or
	// unavailable.
	Counts map[Trigger]bool
}

// DefaultPolicy returns the defaults. The 15 to 20 minutes are the seed's
// (docs/seed.md#lockout-window), the 30 of a ban are Supabase's (docs/facts.md#db-host-ban).
func DefaultPolicy() Policy {
	counts := make(map[Trigger]bool, len(Triggers))
	for _, t := range Triggers {
		counts[t] = true
	}
	return Policy{
		ProbeInterval: 30 * time.Second,
		ProbeTimeout:  5 * time.Second,
		Retry:         Range{2 * time.Second, time.Minute},
		Lockout:       Range{15 * time.Minute, 20 * time.Minute},
		Breaker:       Range{15 * time.Minute, 20 * time.Minute},
		Ban:           Range{30 * time.Minute, 35 * time.Minute},
		Rejected:      Range{15 * time.Minute, 30 * time.Minute},
		Counts:        counts,
	}
}

// Longest returns the longest time without an attempt that the policy can lead
// to; a deploy's health check has to outlast it (docs/facts.md#railway-healthcheck).
func (p Policy) Longest() time.Duration {
	return max(p.ProbeInterval, p.longestRetry(), p.Lockout.Max, p.Breaker.Max, p.Ban.Max, p.Rejected.Max, RerouteLast, CautiousLast)
}

// Window returns how long a window of the trigger may last.
func (p Policy) Window(t Trigger) Range {
	switch t {
	case TriggerNetworkBan:
		return p.Ban
	case TriggerCircuitBreaker:
		return p.Breaker
	}
	return p.Lockout
}

// longest returns how long a verdict that is no window may keep the next attempt
// waiting.
func (p Policy) longest(r Reason) time.Duration {
	switch RuleFor(r).Next {
	case NextHold:
		return p.Rejected.Max
	case NextReroute:
		return RerouteLast
	case NextCautious:
		return CautiousLast
	}
	return p.longestRetry()
}

func (p Policy) longestRetry() time.Duration {
	return p.Retry.Max + time.Duration(RetryJitter*float64(p.Retry.Max))
}

// demote turns a lockout that the policy does not count into the plain fault
// that it looks like without the word (SIDECAR_LOCKOUT_ON, docs/states.md#lockouts).
func (p Policy) demote(o Outcome) Outcome {
	if o.Reason != ReasonLockout || p.Counts[o.Trigger] {
		return o
	}
	o.Reason = ReasonUnavailable
	if o.Trigger == TriggerQueryWaitTimeout {
		o.Reason = ReasonSaturated
	}
	o.Trigger = ""
	return o
}

// double returns first doubled rung times, at most last.
func double(first, last time.Duration, rung int) time.Duration {
	for ; rung > 0 && first < last; rung-- {
		first *= 2
	}
	return min(first, last)
}

// ParseSpan reads a span of time as people write it: 15m, 900s or bare seconds
// (docs/config.md#spans-of-time). A negative span is an error.
func ParseSpan(text string) (time.Duration, error) {
	if _, err := strconv.ParseUint(text, 10, 31); err == nil {
		text += "s"
	}
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		err = fmt.Errorf("negative span %s", d)
	}
	return d, err
}

// Seconds writes a span as the seed's log lines do: seconds rounded up, minutes
// rounded down, "873s (14m)"; below a minute the seconds alone. A span in the past
// is "0s".
func Seconds(d time.Duration) string {
	s := CeilSeconds(d)
	if s < 60 {
		return fmt.Sprintf("%ds", s)
	}
	return fmt.Sprintf("%ds (%dm)", s, s/60)
}

// CeilSeconds returns whole seconds, rounded up and never below zero, so that
// nobody who waits that long is early.
func CeilSeconds(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	s := int64(d / time.Second)
	if d%time.Second > 0 {
		s++
	}
	return s
}
