package machine

import "time"

// Restore takes up what a process before has left, before anything was asked.
func (m *Machine) Restore(now time.Time, r Record) Transition {
	from := m.Status(now)
	clear(m.windows)
	clear(m.rejected)
	clear(m.bans)
	m.ladder, m.echo, m.spaced = ladder{}, nil, time.Time{}
	for _, held := range r.Rejected {
		held.First, held.Since = past(now, held.First), past(now, held.Since)
		if !held.Until.IsZero() {
			held.Until = carried(now, held.Until, m.policy.Rejected.Max)
		}
		m.rejected[held.Credential] = held
	}
	for key, ban := range r.Bans {
		m.bans[key] = Ban{past(now, ban.Rejected), past(now, ban.First), past(now, ban.Last), ban.Open}
	}
	m.lost = past(now, r.Lost)
	m.resume(now, r.Verdict)
	m.resumeAttempt(now, r)
	m.takeWindows(now, r.Windows)
	m.lift(now, r.Lifted)
	return Transition{At: now, From: from, To: m.Status(now)}
}

// resume makes the stored verdict ours, as far as it was about the same DSN.
func (m *Machine) resume(now time.Time, v Verdict) {
	m.verdict = Status{}
	m.begin(now)
	if v.Key != m.target.Key {
		return
	}
	m.verdict.Failures, m.verdict.WindowsInRow = v.Failures, v.Windows
	most := m.policy.longest(v.Reason)
	switch hold, held := m.rejected[m.target.Credential]; {
	case held && v.Reason == ReasonAuthFailed && v.Credential == m.target.Credential:
		m.verdict = hold.status(m.verdict)
		m.asked = past(now, v.Asked)
		return
	case v.State == Lockout: // also when it is over: the next attempt is its trial
		most = m.policy.Window(v.Trigger).Max
	case !v.waits() || v.DSN != m.target.DSN:
		return
	}
	m.verdict = Status{
		State: v.State, Reason: v.Reason, Trigger: v.Trigger, Cause: v.Cause, Since: past(now, v.Since),
		Next: carried(now, v.Next, most), Failures: v.Failures, WindowsInRow: v.Windows,
	}
	m.asked, m.ladder = past(now, v.Asked), ladder{RuleFor(v.Reason).Next, v.Rung}
}

// resumeAttempt answers an attempt that a process began and did not end. Nobody
// knows what came of it, so its spacing is kept; and if it was the trial after a
// window, it counts as one that met the next.
func (m *Machine) resumeAttempt(now time.Time, r Record) {
	a := r.Attempt
	m.begun = Begun{past(now, a.At), a.InRow, a.After}
	if a.At.IsZero() {
		return
	}
	m.spaced = m.begun.At.Add(double(m.policy.Retry.Min, m.policy.Retry.Max, a.InRow-1))
	if a.After != "" {
		m.keepWindow(now, Window{
			Key: r.Verdict.Key, Trigger: a.After, Cause: r.Verdict.Cause, InRow: r.Verdict.Windows + 1,
			Opened: a.At, Until: a.At.Add(m.policy.Window(a.After).Min),
		})
	}
}

// Heed takes over what somebody else has written to the store meanwhile: their
// windows, of two for one key the one that ends later; and the word of an operator
// that what was opened before it is over, or the ban of a key. What was opened after
// it stays.
func (m *Machine) Heed(now time.Time, r Record) Transition {
	from, verdict, asked, begun, spaced := m.Status(now), m.verdict, m.asked, m.begun, m.spaced
	if !r.Cleared.IsZero() {
		kept, _ := m.Record(now).ClearBefore(r.Cleared)
		kept.Attempt = Begun{} // the one that is out goes on
		m.Restore(now, kept)
		if begun.At.Before(r.Cleared) {
			begun.After = "" // nor is it the trial of a window any more
		}
		m.begun, m.spaced = begun, spaced
		if verdict.Ready() { // which nothing stood behind
			m.verdict, m.asked = verdict, asked
		}
	}
	m.takeWindows(now, r.Windows)
	m.lift(now, r.Lifted)
	return Transition{At: now, From: from, To: m.Status(now)}
}

// Found takes up a record that is readable at last. Until then nothing was asked,
// but for windows that others knew of; if the silence is over it is theirs alone
// that counts.
func (m *Machine) Found(now time.Time, r Record) Transition {
	if !m.silent(now) {
		return m.Heed(now, r)
	}
	known := m.Record(now).Windows
	t := m.Restore(now, r)
	m.takeWindows(now, known)
	t.To = m.Status(now)
	return t
}

// takeWindows notes windows that others opened, and heeds the one of our key.
func (m *Machine) takeWindows(now time.Time, windows []Window) {
	for _, w := range windows {
		m.keepWindow(now, w)
	}
	m.enterWindow(now)
}

// keepWindow notes a window, unless a later one of its key is known. It ends when
// it says, and if the clock was set back, no later than a new one would.
func (m *Machine) keepWindow(now time.Time, w Window) {
	until := carried(now, w.Until, m.policy.Window(w.Trigger).Max)
	if !now.Before(until) || until.Before(m.windows[w.Key].Next) {
		return
	}
	m.windows[w.Key] = Status{
		State: Lockout, Reason: ReasonLockout, Trigger: w.Trigger, Cause: w.Cause, Since: past(now, w.Opened),
		Next: until, Failures: 1, WindowsInRow: max(w.InRow, 1),
	}
}

// carried is a stored time on this process's own clock, at most so far ahead.
func carried(now, stored time.Time, most time.Duration) time.Time {
	return now.Add(min(stored.Sub(now), most))
}

// past is a stored time of something that has happened, on this process's own
// clock: one ahead of it counts as now. The zero time stays zero.
func past(now, stored time.Time) time.Time {
	if stored.IsZero() {
		return stored
	}
	return carried(now, stored, 0)
}
