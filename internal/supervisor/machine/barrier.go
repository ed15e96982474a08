package machine

import "time"

// barrier is what stands in the way of an attempt at a time, and whether anything
// does. It is the one place that decides it, in this order: a fault of the DSN, the
// window of the key, the silence after a lost store, the hold of the credential,
// and at last the verdict, which wants its next attempt at its time.
//
// Everything else (a new target, a record, another process's record, a clear, an
// outcome) changes data and asks here. So do the commands that are not serve.
func (m *Machine) barrier(now time.Time) (s Status, stands bool) {
	window, hold := m.windows[m.target.Key], m.rejected[m.target.Credential]
	s = m.verdict
	switch {
	case m.target.Fault != "":
		return Status{State: Misconfigured, Reason: m.target.Fault, Since: m.since}, true
	case now.Before(window.Next):
		return window, true
	case m.silent(now):
		return Status{State: Starting, Reason: ReasonStoreLost, Since: m.since, Next: m.lost.Add(m.policy.Lockout.Min)}, true
	case hold.Until.After(s.Next):
		s = hold.status(s) // also when it is over: it stays what is known until it is asked
	}
	if s.Next.Before(m.spaced) {
		s.Next = m.spaced
	}
	return s, now.Before(s.Next)
}

// silent reports whether a store that could not be read may still hold a window.
func (m *Machine) silent(now time.Time) bool {
	return !m.lost.IsZero() && now.Before(m.lost.Add(m.policy.Lockout.Min))
}

// Status is what people are told at a time.
func (m *Machine) Status(now time.Time) Status {
	s, _ := m.barrier(now)
	return s
}

// Barrier is [Machine.Status], and whether it stands in the way of an attempt.
func (m *Machine) Barrier(now time.Time) (Status, bool) { return m.barrier(now) }

// Due is the earliest time, not before now, at which nothing will stand in the way,
// and whether there is one. One barrier may end behind another, so each is asked at
// the end of the one before.
func (m *Machine) Due(now time.Time) (time.Time, bool) {
	for {
		s, stands := m.barrier(now)
		if !stands {
			return now, true
		}
		if s.Next.IsZero() {
			return time.Time{}, false
		}
		now = s.Next
	}
}

// Changes is the next time at which the verdict may become another one by itself,
// or at which an attempt is due; ok is false when there is none.
func (m *Machine) Changes(now time.Time) (at time.Time, ok bool) {
	s, stands := m.barrier(now)
	if !stands {
		return now, true
	}
	return s.Next, !s.Next.IsZero()
}

// Hurry brings the next probe forward while ready: somebody has seen logins refused.
// Nothing else is shortened by it, and two probes keep the first retry's distance.
func (m *Machine) Hurry(now time.Time) Transition {
	from := m.Status(now)
	if at := m.asked.Add(m.policy.Retry.Min); m.verdict.Ready() && m.verdict.Next.After(now) {
		if at.Before(now) {
			at = now
		}
		if at.Before(m.verdict.Next) {
			m.verdict.Next = at
		}
	}
	return Transition{At: now, From: from, To: m.Status(now)}
}
