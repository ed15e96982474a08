package machine

import (
	"cmp"
	"maps"
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
	Cleared  time.Time      `json:"cleared,omitzero"` // an operator dropped what was opened before; zero: a process wrote it
	Lifted   Lift           `json:"lifted,omitzero"`  // an operator lifted a ban

	// What explains the rest to people. The driver keeps it.
	Last    Attempt `json:"last,omitzero"`
	History []Entry `json:"history,omitempty"`
	Told    Told    `json:"told,omitzero"`
}

// Attempt is the last probe. The zero value means that there was none.
type Attempt struct {
	At time.Time `json:"at"`
	Outcome
}

// Entry is one change of state or reason, or a new window after the trial.
type Entry struct {
	At      time.Time `json:"at"`
	From    State     `json:"from"`
	To      State     `json:"to"`
	Reason  Reason    `json:"reason"`
	Trigger Trigger   `json:"trigger,omitzero"`
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
	InRow int       `json:"in_a_row"`       // attempts without an end in a row, this one included
	After Trigger   `json:"after,omitzero"` // of the window whose trial it was; empty: it was none
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
	v := m.verdict
	r := Record{
		Verdict: Verdict{
			Key: m.target.Key, Credential: m.target.Credential, DSN: m.target.DSN,
			State: v.State, Reason: v.Reason, Trigger: v.Trigger, Cause: v.Cause,
			Since: wall(v.Since), Asked: wall(m.asked), Next: wall(v.Next),
			Failures: v.Failures, Windows: v.WindowsInRow, Rung: m.ladder.rung,
		},
		Attempt: Begun{wall(m.begun.At), m.begun.InRow, m.begun.After},
	}
	if m.silent(now) {
		r.Lost = wall(m.lost)
	}
	for _, key := range slices.Sorted(maps.Keys(m.windows)) {
		if s := m.windows[key]; now.Before(s.Next) {
			r.Windows = append(r.Windows, Window{key, s.Trigger, s.Cause, wall(s.Since), wall(s.Next), s.WindowsInRow})
		}
	}
	for key, ban := range m.bans {
		if ban != (Ban{}) {
			if r.Bans == nil {
				r.Bans = make(map[string]Ban)
			}
			r.Bans[key] = Ban{wall(ban.Rejected), wall(ban.First), wall(ban.Last), ban.Open}
		}
	}
	for _, held := range m.rejected {
		r.Rejected = append(r.Rejected, Rejection{held.Key, held.Credential, wall(held.First), wall(held.Since), wall(held.Until)})
	}
	slices.SortFunc(r.Rejected, func(a, b Rejection) int {
		return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.Credential, b.Credential))
	})
	return r
}

// ClearBefore drops windows, holds and a lost store that were opened before a time,
// since an operator knows them to be over, and says how many there were. What bears
// a time of the future is not from before: only a clock stands between.
func (r Record) ClearBefore(t time.Time) (Record, int) {
	dropped := 0
	drop := func(opened time.Time, waits bool) bool {
		if !opened.Before(t) {
			return false
		}
		if waits {
			dropped++
		}
		return true
	}
	r.Windows = slices.DeleteFunc(slices.Clone(r.Windows), func(w Window) bool { return drop(w.Opened, true) })
	r.Rejected = slices.DeleteFunc(slices.Clone(r.Rejected), func(held Rejection) bool { return drop(held.Since, held.Until.After(t)) })
	began := r.Verdict.Asked
	if r.Verdict.State == Lockout { // which somebody else may have met
		began = r.Verdict.Since
	}
	if drop(began, r.Verdict.waits()) {
		r.Verdict, r.Bans = Verdict{}, nil
	}
	if !r.Lost.IsZero() && drop(r.Lost, true) {
		r.Lost = time.Time{}
	}
	if r.Attempt.At.Before(t) {
		r.Attempt.After = "" // its window would be over; its spacing is none
	}
	return r, dropped
}

// waits reports whether a verdict keeps the next attempt waiting by itself; windows
// and holds of a credential are kept beside it.
func (v Verdict) waits() bool {
	return v.State == Retrying || v.State == Rejected && v.Reason != ReasonAuthFailed
}
