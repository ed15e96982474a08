package machine

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Target is what one supervisor speaks for.
type Target struct {
	// Key names what a block is on: shared/REF, db/REF or host:port, hashed
	// (docs/dsn.md#what-a-lockout-is-on). Windows belong to it.
	Key string
	// Credential tells one credential from another; holds belong to it. A keyed
	// hash, never the password.
	Credential string
	// DSN tells one DSN from another, as a keyed hash too: a hold that is not on
	// the credential ends with any change.
	DSN string
	// Shared: a shared pooler, which may reject a new password for about 15 s.
	Shared bool
	// DBHost: a db.* host, where the second wrong password bans the address.
	DBHost bool
	// Fault is set when the DSN must not be dialled: a misconfigured reason.
	Fault Reason
}

// Permit allows one login. It comes only from [Machine.Admit] and is taken
// back by [Machine.Settle]; the zero value allows nothing.
type Permit struct {
	at    time.Time
	spent *atomic.Bool
}

// Valid reports whether the permit came from a machine.
func (p Permit) Valid() bool { return p.spent != nil }

// Spend reports whether the permit may still be used for its one login, and
// uses it up.
func (p Permit) Spend() bool { return p.Valid() && p.spent.CompareAndSwap(false, true) }

// ErrBusy refuses a second permit while one is out.
var ErrBusy = errors.New("a probe is already under way")

// WaitError refuses a permit before its time. Until is zero when no time will
// bring one.
type WaitError struct {
	State State
	Until time.Time
}

func (e *WaitError) Error() string {
	if e.Until.IsZero() {
		return fmt.Sprintf("no attempt while %s", e.State)
	}
	return fmt.Sprintf("no attempt while %s, before %s", e.State, e.Until.UTC().Format(time.RFC3339))
}

// Status is the machine's verdict at one time.
type Status struct {
	State        State
	Reason       Reason
	Trigger      Trigger       // of a lockout
	Cause        string        // what PgBouncer remembers
	Since        time.Time     // of the state
	ReadySince   time.Time     // zero while not ready
	Next         time.Time     // earliest next attempt; zero when there is none
	Window       time.Duration // length of the window; zero outside one
	Failures     int           // in a row
	WindowsInRow int           // windows without a success in between
}

// Ready reports whether the database answered the last time it counted.
func (s Status) Ready() bool { return s.State == Ready }

// RetryAt is the next attempt as people ask for it: zero while ready or asking
// for the first time, and where no time is set.
func (s Status) RetryAt() time.Time {
	if s.State == Ready || s.Reason == ReasonStarting {
		return time.Time{}
	}
	return s.Next
}

// Transition is what one call did to the machine.
type Transition struct {
	At       time.Time
	From, To Status
	Outcome  Outcome // as the machine took it: a demoted lockout, a recognised ban
	Opened   bool    // a window began
	Dropped  bool    // the result came late and changed nothing
}

// Changed reports whether people see another verdict than before.
func (t Transition) Changed() bool {
	return t.From.State != t.To.State || t.From.Reason != t.To.Reason
}

// Machine decides when the database may be asked and what an answer means. It
// is not safe for concurrent use; the supervisor is its one caller.
type Machine struct {
	policy Policy
	random func() float64 // in [0,1)

	Status
	target  Target
	later   *Target           // the one to change to when the permit is back
	out     Permit            // the one that is out: each is its own generation
	begun   Begun             // the attempt that is out, or was when a process before ended
	pause   time.Time         // no permit before, after an attempt without an end
	asked   time.Time         // when the last settled permit was given
	knock   time.Time         // when the last login was admitted; zero after a window or hold
	lost    time.Time         // time stamp of a store that could not be read
	silent  time.Time         // no permit before, since the lost store may have held a window
	windows map[string]Status // the last window of each key; over once its Next has come
	ladder  ladder
	echo    echo
	ban     Ban

	rejected map[string]Rejection // by credential
	bans     map[string]Ban       // of the keys that were left
}

// New returns a machine that has no verdict yet. random is in [0,1).
func New(policy Policy, target Target, random func() float64, now time.Time) *Machine {
	m := &Machine{
		policy: policy, random: random,
		windows: make(map[string]Status), rejected: make(map[string]Rejection), bans: make(map[string]Ban),
	}
	m.Configure(now, target)
	return m
}

// Admit gives the permit for one login, or says until when there is none: a
// [*WaitError] or [ErrBusy].
func (m *Machine) Admit(now time.Time) (Permit, error) {
	due, ok := m.Due()
	switch {
	case m.out.Valid():
		return Permit{}, ErrBusy
	case !ok || now.Before(due):
		return Permit{}, &WaitError{m.State, due}
	case now.Before(m.rejected[m.target.Credential].Until):
		// A window is over, or a silence, and the credential was rejected before it.
		m.Status = m.rejected[m.target.Credential].status(m.Status)
		return Permit{}, &WaitError{m.State, m.Next}
	}
	m.out = Permit{now, new(atomic.Bool)}
	m.begun = Begun{now, m.begun.InRow + 1}
	return m.out, nil
}

// Target is what the machine speaks for.
func (m *Machine) Target() Target { return m.target }

// Holds reports whether a permit is the one that is out: it may have been taken
// back since it was given.
func (m *Machine) Holds(p Permit) bool { return p.Valid() && p == m.out }

// Due is the earliest time of the next attempt, if there is one. The window of
// the key is asked as well as the schedule, so that no slip in a schedule can
// lead into a window.
func (m *Machine) Due() (time.Time, bool) {
	if m.Next.IsZero() {
		return time.Time{}, false
	}
	due := m.Next
	for _, floor := range []time.Time{m.windows[m.target.Key].Next, m.pause, m.silent} {
		if due.Before(floor) {
			due = floor
		}
	}
	return due, true
}

// Settle takes what the permit's probe found. A result whose permit is not the
// one that is out comes late and is dropped.
func (m *Machine) Settle(now time.Time, p Permit, o Outcome) Transition {
	from := m.Status
	if !p.Valid() || p != m.out {
		return Transition{At: now, From: from, To: from, Dropped: true}
	}
	m.out, m.begun, m.asked = Permit{}, Begun{}, p.at
	previous := m.knock
	if o.Knocked {
		m.knock = p.at
	}
	o = m.policy.demote(o)
	if m.ban.counts(now, p.at, m.target, o) && m.policy.Counts[TriggerNetworkBan] {
		o.Reason, o.Trigger = ReasonLockout, TriggerNetworkBan
	}
	opened := m.decide(now, p.at, previous, o)
	if m.later != nil {
		target := *m.later
		m.later = nil
		m.Configure(now, target)
	}
	return Transition{At: now, From: from, To: m.Status, Outcome: o, Opened: opened}
}

// decide moves the machine and reports whether a window opened; asked is when
// the permit was given, previous when the login before it was.
func (m *Machine) decide(now, asked, previous time.Time, o Outcome) (opened bool) {
	if o.Reason == "" { // broken off: no verdict, and no reason to hurry
		m.pause = now.Add(m.policy.Retry.Min)
		return false
	}
	if o.Reason != ReasonOK {
		m.Failures++
	}
	if o.Reason != ReasonLockout && o.Reason != ReasonTimeout {
		m.echo = echo{} // the pooler had something else to say
	}
	rule := RuleFor(o.Reason)
	switch {
	case rule.State == Ready:
		m.succeed(now)
	case rule.State == Lockout:
		counts, again := m.echo.judge(now, asked, previous, o)
		if counts {
			m.openWindow(now, o)
			return true
		}
		m.enter(now, Retrying, o, again)
	case o.Reason == ReasonAuthFailed:
		m.hold(now, o)
	case rule.State == Rejected:
		m.enter(now, Rejected, o, now.Add(m.ladder.delay(rule.Next, m.policy, 0)))
	case m.State == Ready && m.Failures == 1 && !o.Slow:
		m.Next = now.Add(ConfirmDelay) // one failure alone does not drop readiness
	default:
		m.enter(now, Retrying, o, m.retryAt(now, asked, rule, o))
	}
	return false
}

// succeed forgets every suspicion: the database answered.
func (m *Machine) succeed(now time.Time) {
	m.Failures, m.WindowsInRow = 0, 0
	m.ladder, m.ban = ladder{}, Ban{}
	m.release()
	if m.State != Ready {
		m.ReadySince = now
	}
	m.enter(now, Ready, Outcome{Reason: ReasonOK}, now.Add(m.policy.ProbeInterval))
}

// openWindow starts the time in which nobody connects.
func (m *Machine) openWindow(now time.Time, o Outcome) {
	length := m.policy.window(o.Trigger).At(m.random())
	m.WindowsInRow++
	m.knock, m.ladder, m.echo = time.Time{}, ladder{}, echo{}
	m.ban.First, m.ban.Open = time.Time{}, o.Trigger == TriggerNetworkBan
	m.enter(now, Lockout, o, now.Add(length))
	m.Since, m.Window = now, length
	m.windows[m.target.Key] = m.Status
}

// enter puts the machine into a state until next.
func (m *Machine) enter(now time.Time, s State, o Outcome, next time.Time) {
	if s != m.State {
		m.Since = now
	}
	if s != Ready {
		m.ReadySince = time.Time{}
	}
	m.State, m.Reason, m.Trigger, m.Cause, m.Next, m.Window = s, o.Reason, o.Trigger, o.Cause, next, 0
}
