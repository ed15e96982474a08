package machine

import (
	"cmp"
	"slices"
	"time"
)

// Record is what outlives a process (docs/config.md#what-outlives-a-restart): plain
// data, with times of the wall clock. The zero value is a first start.
type Record struct {
	Windows  []Window       `json:"windows,omitempty"` // those that are not over, of every key
	Verdict  Verdict        `json:"verdict,omitzero"`
	Attempt  Begun          `json:"attempt,omitzero"`
	Bans     map[string]Ban `json:"bans,omitempty"` // by key
	Rejected []Rejection    `json:"rejected,omitempty"`
	Lost     time.Time      `json:"lost,omitzero"`    // time stamp of a store that could not be read; zero: none is waited out
	Cleared  time.Time      `json:"cleared,omitzero"` // when an operator emptied the record; zero: a process wrote it
}

// Window is the time in which nobody connects, because of a lockout of its key.
type Window struct {
	Key     string    `json:"key"`
	Trigger Trigger   `json:"trigger"`
	Cause   string    `json:"cause,omitzero"`
	Opened  time.Time `json:"opened"`
	Until   time.Time `json:"until"`
	InRow   int       `json:"in_a_row"` // windows without a success in between, this one included
}

// Verdict is the last one on a DSN that is no window, and when the DSN may be
// asked again. The zero value is none.
type Verdict struct {
	Key        string    `json:"key"`
	Credential string    `json:"credential"`
	DSN        string    `json:"dsn"`
	State      State     `json:"state"`
	Reason     Reason    `json:"reason"`
	Trigger    Trigger   `json:"trigger,omitzero"`
	Cause      string    `json:"cause,omitzero"`
	Since      time.Time `json:"since"`
	Asked      time.Time `json:"asked,omitzero"` // when the login was made that brought it
	Next       time.Time `json:"next,omitzero"`
	Failures   int       `json:"failures,omitzero"`
	Windows    int       `json:"windows_in_a_row,omitzero"`
	Rung       int       `json:"rung,omitzero"` // of its ladder
}

// Begun is an attempt without an end: it is written before it is made, so that a
// process that dies during its attempts does not make one at every start.
type Begun struct {
	At    time.Time `json:"at"`
	InRow int       `json:"in_a_row"` // attempts without an end in a row, this one included
}

// Record returns what has to outlive the process, on the wall clock of now.
func (m *Machine) Record(now time.Time) Record {
	wall := func(t time.Time) time.Time {
		was, is := t.Round(0), now.Add(t.Sub(now)).Round(0)
		if t.IsZero() || is.Sub(was).Abs() < time.Second { // the clock was not set
			return was.UTC()
		}
		return is.UTC()
	}
	r := Record{
		Verdict: Verdict{
			Key: m.target.Key, Credential: m.target.Credential, DSN: m.target.DSN,
			State: m.State, Reason: m.Reason, Trigger: m.Trigger, Cause: m.Cause,
			Since: wall(m.Since), Asked: wall(m.asked), Next: wall(m.Next),
			Failures: m.Failures, Windows: m.WindowsInRow, Rung: m.ladder.rung,
		},
		Attempt: Begun{wall(m.begun.At), m.begun.InRow},
		Bans:    make(map[string]Ban),
	}
	m.bans[m.target.Key] = m.ban
	for key, ban := range m.bans {
		if ban != (Ban{}) {
			r.Bans[key] = Ban{wall(ban.Rejected), wall(ban.First), wall(ban.Last), ban.Open}
		}
	}
	for _, held := range m.rejected {
		r.Rejected = append(r.Rejected, Rejection{held.Key, held.Credential, wall(held.First), wall(held.Since), wall(held.Until)})
	}
	slices.SortFunc(r.Rejected, func(a, b Rejection) int { return a.First.Compare(b.First) })
	if now.Before(m.silent) {
		r.Lost = wall(m.lost)
	}
	for key, s := range m.windows {
		if now.Before(s.Next) {
			r.Windows = append(r.Windows, Window{key, s.Trigger, s.Cause, wall(s.Next.Add(-s.Window)), wall(s.Next), s.WindowsInRow})
		}
	}
	slices.SortFunc(r.Windows, func(a, b Window) int { return cmp.Compare(a.Key, b.Key) })
	return r
}

// Restore takes up what a process before has left, or what an operator has made
// of it meanwhile. Readiness is not taken from it, and not away by it.
func (m *Machine) Restore(now time.Time, r Record) Transition {
	from := m.Status
	clear(m.windows)
	for _, w := range r.Windows {
		m.keepWindow(now, w)
	}
	clear(m.rejected)
	for _, held := range r.Rejected {
		held.First, held.Since = past(now, held.First), past(now, held.Since)
		if !held.Until.IsZero() {
			held.Until = carried(now, held.Until, m.policy.Rejected.Max)
		}
		m.rejected[held.Credential] = held
	}
	clear(m.bans)
	for key, ban := range r.Bans {
		m.bans[key] = Ban{past(now, ban.Rejected), past(now, ban.First), past(now, ban.Last), ban.Open}
	}
	m.ban = m.bans[m.target.Key]
	m.begun = Begun{past(now, r.Attempt.At), r.Attempt.InRow}
	m.lost = past(now, r.Lost)
	m.pause, m.silent = time.Time{}, time.Time{}
	if retry := m.policy.Retry; !m.begun.At.IsZero() {
		m.pause = m.begun.At.Add(double(retry.Min, retry.Max, m.begun.InRow-1))
	}
	if !m.lost.IsZero() {
		m.silent = m.lost.Add(m.policy.Lockout.Min)
	}
	if m.State != Ready {
		m.resume(now, r)
	}
	m.heed(now)
	return Transition{At: now, From: from, To: m.Status}
}

// resume puts the machine where the record left it, as far as it was about the
// same DSN.
func (m *Machine) resume(now time.Time, r Record) {
	v := r.Verdict
	m.knock, m.ladder, m.echo = time.Time{}, ladder{}, echo{}
	m.Failures, m.WindowsInRow = 0, 0
	if v.Key == m.target.Key {
		m.Failures, m.WindowsInRow = v.Failures, v.Windows
	}
	switch hold := m.rejected[m.target.Credential]; {
	case m.target.Fault != "":
	case now.Before(m.silent):
		m.begin(now)
	case now.Before(hold.Until):
		m.Status = hold.status(m.Status)
		m.asked = past(now, v.Asked)
	case v.stands(m.target):
		m.Status = Status{
			State: v.State, Reason: v.Reason, Trigger: v.Trigger, Cause: v.Cause, Since: v.Since,
			Next: carried(now, v.Next, m.policy.longest(v.Reason)), Failures: v.Failures, WindowsInRow: v.Windows,
		}
		m.asked, m.ladder = past(now, v.Asked), ladder{RuleFor(v.Reason).Next, v.Rung}
	default:
		m.begin(now)
	}
}

// stands reports whether the verdict is one on the target that is not asked
// again before its time.
func (v Verdict) stands(target Target) bool {
	waits := v.State == Retrying || v.State == Rejected && v.Reason != ReasonAuthFailed
	return waits && v.Key == target.Key && v.DSN == target.DSN
}

// Adopt takes over what somebody else has written to the store meanwhile: their
// windows, of two for one key the one that ends later, or the word of an operator
// that all is over.
func (m *Machine) Adopt(now time.Time, r Record) Transition {
	if !r.Cleared.IsZero() {
		return m.Restore(now, r)
	}
	from := m.Status
	for _, w := range r.Windows {
		m.keepWindow(now, w)
	}
	m.heed(now)
	return Transition{At: now, From: from, To: m.Status}
}

// heed enters the window of the target's key, if there is one that others knew
// of. A permit that is out, and not used yet, is taken back.
func (m *Machine) heed(now time.Time) {
	window := m.windows[m.target.Key]
	if m.target.Fault != "" || !now.Before(window.Next) || m.State == Lockout && !m.Next.Before(window.Next) {
		return
	}
	m.out, m.begun, m.knock = Permit{}, Begun{}, time.Time{}
	m.ladder, m.echo = ladder{}, echo{}
	m.Status = window
}

// keepWindow notes a window, unless a later one of its key is known. It ends when
// it says, and if the clock was set back, no later than a new one would.
func (m *Machine) keepWindow(now time.Time, w Window) {
	most := m.policy.window(w.Trigger).Max
	until := carried(now, w.Until, most)
	if !now.Before(until) || until.Before(m.windows[w.Key].Next) {
		return
	}
	m.windows[w.Key] = Status{
		State: Lockout, Reason: ReasonLockout, Trigger: w.Trigger, Cause: w.Cause, Since: w.Opened,
		Next: until, Window: min(w.Until.Sub(w.Opened), most), Failures: 1, WindowsInRow: max(w.InRow, 1),
	}
}

// carried is a stored time on this process's own clock, at most so far ahead.
func carried(now, stored time.Time, most time.Duration) time.Time {
	return now.Add(min(stored.Sub(now), most))
}

// past is a stored time of something that has happened, on this process's own
// clock. The zero time stays zero.
func past(now, stored time.Time) time.Time {
	if stored.IsZero() {
		return stored
	}
	return carried(now, stored, 0)
}

// ClearBefore drops windows, holds and a lost store from before a time, which an
// operator knows to be over (SIDECAR_CLEAR_BEFORE), and says how many there were.
//
// What bears a time of the future is from before the clock was set back, and from
// before the time as well.
func (r Record) ClearBefore(t, now time.Time) (Record, int) {
	before := func(stamp time.Time) bool { return stamp.Before(t) || stamp.After(now) }
	all := len(r.Windows)
	r.Windows = slices.DeleteFunc(slices.Clone(r.Windows), func(w Window) bool { return before(w.Opened) })
	dropped := all - len(r.Windows)
	r.Rejected = slices.DeleteFunc(slices.Clone(r.Rejected), func(held Rejection) bool {
		if before(held.Since) && held.Until.After(now) {
			dropped++
		}
		return before(held.Since)
	})
	if v := r.Verdict; before(v.Asked) {
		r.Verdict, r.Bans = Verdict{}, nil
		if v.State == Retrying || v.State == Rejected && v.Reason != ReasonAuthFailed {
			dropped++
		}
	}
	if !r.Lost.IsZero() && before(r.Lost) {
		r.Lost = time.Time{}
		dropped++
	}
	return r, dropped
}
