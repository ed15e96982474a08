package machine

import (
	"maps"
	"time"
)

// model knows until when there is silence, by rules of its own.
type model struct {
	windows map[string]deadline // by key
	holds   map[string]deadline // by credential
	lost    deadline            // for all
	begun   deadline            // least time of the next attempt after one without an end
}

// deadline is a time, when what it ends began, and how far ahead it can be at most
// when the clock is set.
type deadline struct {
	at, opened time.Time
	most       time.Duration
}

func newModel() model {
	return model{windows: make(map[string]deadline), holds: make(map[string]deadline)}
}

// written is the deadline as it is stored, on the wall clock of now; read takes it
// back. A clock that was set meanwhile moves it, but never beyond its most.
func (d deadline) written(now time.Time) deadline {
	if !d.at.After(now) {
		return deadline{} // over
	}
	return deadline{now.Add(d.at.Sub(now)).Round(0), now.Add(d.opened.Sub(now)).Round(0), d.most}
}

func (d deadline) read(now time.Time) deadline {
	return deadline{now.Add(min(d.at.Sub(now), d.most)), now.Add(min(d.opened.Sub(now), 0)), d.most}
}

// carried is the model with each deadline changed.
func (m model) carried(now time.Time, change func(deadline, time.Time) deadline) model {
	next := newModel()
	next.lost, next.begun = change(m.lost, now), change(m.begun, now)
	for key, until := range m.windows {
		next.windows[key] = change(until, now)
	}
	for credential, until := range m.holds {
		next.holds[credential] = change(until, now)
	}
	return next
}

// keep notes a window unless a later one of its key is known.
func (m model) keep(key string, d deadline, now time.Time) {
	if d.at.After(now) && !d.at.Before(m.windows[key].at) {
		m.windows[key] = d
	}
}

// clearBefore drops what was opened before a time on the wall.
func (m *model) clearBefore(t, now time.Time) {
	before := func(_ string, d deadline) bool { return now.Add(d.opened.Sub(now)).Round(0).Before(t) }
	maps.DeleteFunc(m.windows, before)
	maps.DeleteFunc(m.holds, before)
	if before("", m.lost) {
		m.lost = deadline{}
	}
}

// silent reports whether anything stands in the way of a target's attempt.
func (m model) silent(target Target, now time.Time) bool {
	return target.Fault != "" || now.Before(m.windows[target.Key].at) || now.Before(m.lost.at) ||
		now.Before(m.begun.at) || now.Before(m.holds[target.Credential].at)
}
