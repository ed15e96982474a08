package machine

import (
	"sync/atomic"
	"time"
)

// Status is the machine's verdict at one time. The zero value is none.
type Status struct {
	State        State
	Reason       Reason
	Trigger      Trigger   // of a lockout
	Cause        string    // what PgBouncer remembers
	Since        time.Time // of the state
	Next         time.Time // earliest next attempt; zero when there is none
	Failures     int       // in a row
	WindowsInRow int       // windows without a success in between
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

// Window is how long the window lasts from its beginning; zero outside one.
func (s Status) Window() time.Duration {
	if s.State != Lockout {
		return 0
	}
	return s.Next.Sub(s.Since)
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
	target Target
	since  time.Time // when the target was set

	// What can stand in the way of an attempt; [Machine.barrier] alone reads it.
	windows  map[string]Status    // the last window of each key; over once its Next has come
	lost     time.Time            // time stamp of a store that could not be read; zero: none
	rejected map[string]Rejection // by credential
	verdict  Status               // the last one on the target
	spaced   time.Time            // no attempt before, after one without an end

	// What one look leaves for the next.
	out    Permit    // the one that is out: each is its own generation
	begun  Begun     // the attempt that is out, or was when a process before ended
	asked  time.Time // when the last settled permit was given
	before time.Time // and the one before it
	ladder ladder
	echo   echo
	bans   map[string]Ban // by key
}

// New returns a machine that has no verdict yet. random is in [0,1).
func New(policy Policy, target Target, random func() float64, now time.Time) *Machine {
	m := &Machine{
		policy: policy, random: random,
		windows: make(map[string]Status), rejected: make(map[string]Rejection), bans: make(map[string]Ban),
	}
	m.speakFor(now, target)
	return m
}

// Admit gives the permit for one login when nothing stands in the way, or says
// until when there is none: a [*WaitError] or [ErrBusy]. It changes no verdict.
func (m *Machine) Admit(now time.Time) (Permit, error) {
	if m.out.Valid() {
		return Permit{}, ErrBusy
	}
	if s, stands := m.barrier(now); stands {
		return Permit{}, &WaitError{s.State, s.Next}
	}
	m.out = Permit{now, new(atomic.Bool)}
	m.begun = Begun{At: now, InRow: m.begun.InRow + 1}
	if m.Trial() {
		m.begun.After = m.verdict.Trigger
	}
	return m.out, nil
}

// Holds reports whether a permit is the one that is out: it may have been taken
// back since it was given.
func (m *Machine) Holds(p Permit) bool { return p.Valid() && p == m.out }

// Settle takes what the permit's probe found. A result whose permit is not the
// one that is out comes late and is dropped.
func (m *Machine) Settle(now time.Time, p Permit, o Outcome) Transition {
	from := m.Status(now)
	if !m.Holds(p) {
		return Transition{At: now, From: from, To: from, Dropped: true}
	}
	m.out = Permit{}
	if o.Reason == "" { // broken off: no verdict, and no reason to hurry
		if !o.Knocked {
			m.begun = Begun{} // nobody saw a login
		}
		m.spaced = now.Add(m.policy.Retry.Min)
		return Transition{At: now, From: from, To: m.Status(now), Outcome: o}
	}
	m.begun, m.asked, m.before = Begun{}, p.at, m.asked
	o = m.policy.demote(o)
	if m.suspectBan(now, p.at, o) && m.policy.Counts[TriggerNetworkBan] {
		o.Reason, o.Trigger = ReasonLockout, TriggerNetworkBan
	}
	opened := m.decide(now, o)
	return Transition{At: now, From: from, To: m.Status(now), Outcome: o, Opened: opened}
}

// decide takes a verdict from an outcome and reports whether a window opened.
func (m *Machine) decide(now time.Time, o Outcome) (opened bool) {
	if o.Reason != ReasonOK {
		m.verdict.Failures++
	}
	if o.Reason != ReasonLockout && o.Reason != ReasonTimeout {
		m.echo = nil // the pooler had something else to say
	}
	rule := RuleFor(o.Reason)
	switch {
	case rule.State == Ready:
		m.succeed(now)
	case rule.State == Lockout:
		counts, again := m.watch(now, o)
		if counts {
			m.open(now, o)
			return true
		}
		m.enter(now, Retrying, o, again)
	case o.Reason == ReasonAuthFailed:
		m.hold(now, o)
	case rule.State == Rejected:
		m.enter(now, Rejected, o, now.Add(m.ladder.delay(rule.Next, m.policy, 0)))
	case m.verdict.Ready() && m.verdict.Failures == 1 && !o.Slow:
		m.verdict.Next = now.Add(ConfirmDelay) // one failure alone does not drop readiness
	default:
		m.enter(now, Retrying, o, m.retryAt(now, rule, o))
	}
	return false
}

// succeed forgets every suspicion: the database answered.
func (m *Machine) succeed(now time.Time) {
	m.verdict.Failures, m.verdict.WindowsInRow = 0, 0
	m.ladder, m.lost = ladder{}, time.Time{}
	delete(m.bans, m.target.Key)
	m.release()
	m.enter(now, Ready, Outcome{Reason: ReasonOK}, now.Add(m.policy.ProbeInterval))
}

// open begins the time in which nobody connects.
func (m *Machine) open(now time.Time, o Outcome) {
	m.verdict.WindowsInRow++
	m.ladder, m.echo = ladder{}, nil
	m.openBan(o)
	m.enter(now, Lockout, o, now.Add(m.policy.Window(o.Trigger).At(m.random())))
	m.verdict.Since = now // also of a second window in a row
	m.windows[m.target.Key] = m.verdict
}

// enter gives a verdict that stands until next.
func (m *Machine) enter(now time.Time, s State, o Outcome, next time.Time) {
	v := &m.verdict
	if s != v.State {
		v.Since = now
	}
	v.State, v.Reason, v.Trigger, v.Cause, v.Next = s, o.Reason, o.Trigger, o.Cause, next
}
