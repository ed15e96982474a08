package notify

import (
	"maps"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Event is what a message is about. The zero value is none.
type Event string

// The events (docs/notifications.md#what-is-told).
const (
	Lockout       Event = "lockout"       // a window began
	Rejected      Event = "rejected"      // a hold began
	Misconfigured Event = "misconfigured" // the DSN is refused, or there is none
	Down          Event = "down"          // away for a minute for another reason
	Ready         Event = "ready"         // all is well again
	Test          Event = "test"          // nothing happened: somebody tries the way
)

const (
	downAfter  = time.Minute      // a fault that passes by itself is told after this
	crashQuiet = 15 * time.Minute // between two processes' messages, when no store remembers them
	// clocksDiffer is how far two machines may be apart about when a window opened.
	clocksDiffer = time.Second
)

// teller decides what to tell, and when. It is pure: it knows times and verdicts
// alone. One outage lasts from the loss of readiness until it is back; each thing
// about it is told once, and each window of its lockouts.
type teller struct {
	start time.Time    // of the process
	told  machine.Told // by this process and those before, as far as they are remembered
	// blind: nothing that this process tells is remembered after it.
	blind bool

	down      time.Time // when readiness was lost; zero while it is there
	other     time.Time // since when it is away for a reason that is not told at once
	wasReady  bool
	hasSpoken bool
}

// look returns what is to be told of a verdict now, and for an end how long the
// outage was. remembered says that the store keeps what is told; silent, that somebody
// else tells it, whose place may be taken later.
func (t *teller) look(now time.Time, s machine.Status, remembered, silent bool) (e Event, away time.Duration) {
	if s.Ready() {
		t.down, t.other, t.wasReady = time.Time{}, time.Time{}, true
		if silent || t.told.Down.IsZero() || t.mustWait(now, remembered) { // nobody knows that it was away
			return "", 0
		}
		away = max(0, s.Since.Sub(t.told.Down))
		t.told, t.hasSpoken = machine.Told{Last: now}, true
		return Ready, away
	}
	over := !s.Next.IsZero() && !now.Before(s.Next) // of a window or hold: what is asked now decides
	if t.down.IsZero() {
		t.down = s.Since
		if s.Since.Before(t.start) && over { // of a process long ago
			t.down = t.start
		}
	}
	e, about := t.eventOf(now, s, over)
	last, known := t.told.About[about]
	again := e == Lockout && s.Since.After(last.Add(clocksDiffer))
	if silent || e == "" || known && !again || t.mustWait(now, remembered) {
		return "", 0
	}
	next := machine.Told{Down: t.told.Down, About: maps.Clone(t.told.About), Last: now}
	if next.Down.IsZero() {
		next.Down = t.down
	}
	if next.About == nil {
		next.About = make(map[string]time.Time)
	}
	next.About[about] = now
	t.told, t.hasSpoken = next, true
	return e, 0
}

// eventOf is the event of a verdict that is not ready, and what it is about: events
// about the same are one.
func (t *teller) eventOf(now time.Time, s machine.Status, over bool) (e Event, about string) {
	switch s.State {
	case machine.Lockout:
		e, about = Lockout, string(s.Trigger)
	case machine.Rejected:
		e, about = Rejected, string(s.Reason)
	case machine.Misconfigured:
		e, about = Misconfigured, string(s.Reason)
	default:
		if t.other.IsZero() {
			t.other = now
		}
		if now.Sub(t.other) < downAfter {
			return "", ""
		}
		return Down, string(Down)
	}
	t.other = time.Time{}
	if over {
		return "", ""
	}
	return e, string(e) + " " + about
}

// mustWait reports whether a message may be one of a process that crashes again and
// again: what it told the last time is not in the store.
func (t *teller) mustWait(now time.Time, remembered bool) bool {
	switch {
	case remembered || t.hasSpoken:
		return false
	case t.blind:
		return !t.wasReady && now.Before(t.start.Add(crashQuiet))
	}
	return now.Before(t.told.Last.Add(crashQuiet))
}

// recall takes up what a process before has told. A time ahead of our clock counts
// as now.
func (t *teller) recall(now time.Time, told machine.Told) {
	past := func(at time.Time) time.Time {
		if at.After(now) {
			return now
		}
		return at
	}
	t.told = machine.Told{Down: past(told.Down), Last: past(told.Last), About: make(map[string]time.Time)}
	for about, at := range told.About {
		t.told.About[about] = past(at)
	}
}
