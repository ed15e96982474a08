package worker

import (
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Policy is what "sidecar run" and "sidecar wait" may be told. The zero value
// waits without jitter, never starts without an answer, and holds for no time.
type Policy struct {
	// Hold is how long nothing is started after exit code 78.
	Hold machine.Range
	// HoldAtStart holds as well when the sidecar reports a lockout before the
	// first start. Without it the sidecar's own window is the hold.
	HoldAtStart bool
	// ExitOnLockout ends instead of holding.
	ExitOnLockout bool
	// Jitter is the most that a released start is put off.
	Jitter time.Duration
	// FailOpen is how long the sidecar has to be away for one start without it;
	// zero is never.
	FailOpen time.Duration
	// Deadline ends the waiting; the zero time is never.
	Deadline time.Time
}

const (
	every      = 2 * time.Second  // between two questions, +-20 % (docs/workers.md#run)
	spread     = 0.2              //
	openSpread = 30 * time.Second // a start without the sidecar is put off by up to so much
)

// Answer is what one question to /readyz came to. The zero value is none: the
// sidecar is away.
type Answer struct {
	Heard   bool
	Ready   bool
	Lockout bool          // a window is open
	RetryIn time.Duration // what remains of it
	Message string        // in the sidecar's words, or why there is no answer
}

// Action is what to do now.
type Action int

// The actions. The zero value is Wait.
const (
	Wait   Action = iota // ask again at Verdict.Next
	Start                // start CMD
	Locked               // end: there is a lockout, and it is not to be waited for
	Late                 // end: the deadline has passed
)

// Verdict is what to do now, and when to ask again.
type Verdict struct {
	Do   Action
	Next time.Time
}

// Gate is the way of one worker to its start. It is for one goroutine.
type Gate struct {
	policy Policy
	random func() float64 // in [0,1)

	last    Answer
	held    time.Time // no start before
	window  time.Time // end of the sidecar's own window, as it last said
	away    time.Time // since when it has not answered; zero while it does
	opened  bool      // this absence had its one start
	begun   bool      // the first start or hold is past
	release time.Time // of the start that is coming; zero when none is
	said    remark
}

// NewGate returns a gate for one worker. The random numbers are in [0,1).
func NewGate(policy Policy, random func() float64) *Gate {
	return &Gate{policy: policy, random: random}
}

// Settle takes in the answer that came at this time and says what to do.
func (g *Gate) Settle(now time.Time, answer Answer) Verdict {
	g.listen(now, answer)
	if answer.Lockout && g.policy.ExitOnLockout {
		return Verdict{Do: Locked}
	}
	if free, delay := g.free(now); !free {
		g.release = time.Time{}
	} else if g.release.IsZero() {
		g.release = now.Add(time.Duration(g.random() * float64(delay)))
		if end := g.policy.Deadline; !end.IsZero() && end.Before(g.release) {
			g.release = end
		}
	}
	switch {
	case !g.release.IsZero() && !now.Before(g.release):
		return Verdict{Do: Start}
	case !g.policy.Deadline.IsZero() && !now.Before(g.policy.Deadline):
		return Verdict{Do: Late}
	}
	return Verdict{Do: Wait, Next: g.next(now)}
}

// listen keeps what the answer says about the sidecar. When it goes or comes back,
// a start that was on its way has lost its reason.
func (g *Gate) listen(now time.Time, answer Answer) {
	g.last = answer
	if !answer.Heard {
		if g.away.IsZero() {
			g.away, g.release = now, time.Time{}
		}
		return
	}
	if !g.away.IsZero() {
		g.away, g.opened, g.release = time.Time{}, false, time.Time{}
	}
	g.window = time.Time{}
	if answer.Lockout {
		g.window = now.Add(answer.RetryIn)
		if !g.begun && g.policy.HoldAtStart {
			g.hold(now)
		}
	}
}

// free reports whether nothing stands against a start, and by how much at most it
// is put off.
func (g *Gate) free(now time.Time) (free bool, delay time.Duration) {
	switch {
	case now.Before(g.held):
		return false, 0
	case g.away.IsZero():
		return g.last.Ready, g.policy.Jitter
	}
	opens, ever := g.opens()
	return ever && !now.Before(opens), min(openSpread, g.policy.FailOpen)
}

// opens is when a start without the sidecar is allowed: not before the end of the
// window that it told of, and once in an absence.
func (g *Gate) opens() (at time.Time, ever bool) {
	at = g.away.Add(g.policy.FailOpen)
	for _, other := range []time.Time{g.window, g.held} {
		if at.Before(other) {
			at = other
		}
	}
	return at, g.policy.FailOpen > 0 && !g.opened
}

// next is when to ask again: in about two seconds, or earlier when something is due.
func (g *Gate) next(now time.Time) time.Time {
	next := now.Add(time.Duration(float64(every) * (1 - spread + 2*spread*g.random())))
	for _, due := range []time.Time{g.held, g.release, g.policy.Deadline} {
		if due.After(now) && due.Before(next) {
			next = due
		}
	}
	return next
}

// hold lets nothing start for a while.
func (g *Gate) hold(now time.Time) {
	g.begun = true
	g.held = now.Add(g.policy.Hold.At(g.random()))
}

// Held is the end of the last hold; zero when there was none.
func (g *Gate) Held() time.Time { return g.held }

// Resume goes on with a hold that began before this gate.
func (g *Gate) Resume(until time.Time) { g.begun, g.held = true, until }

// Started tells the gate that CMD runs: what was said and released is over.
func (g *Gate) Started() {
	g.begun = true
	g.opened = !g.away.IsZero()
	g.release = time.Time{}
	g.said = remark{}
}
