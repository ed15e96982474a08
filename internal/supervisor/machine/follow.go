package machine

import "time"

// Follow makes the verdict of the process that asks for all ours, as far as it is on
// our credential, and every window that it knows. We ask nothing meanwhile.
func (m *Machine) Follow(now time.Time, r Record) Transition {
	from := m.Status(now)
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
	if v := r.Verdict; v.Key == m.target.Key && v.Credential == m.target.Credential && m.target.Fault == "" {
		m.followVerdict(now, v)
		m.begun = Begun{past(now, r.Attempt.At), r.Attempt.InRow, r.Attempt.After}
	}
	m.takeWindows(now, r.Windows)
	return Transition{At: now, From: from, To: m.Status(now)}
}

func (m *Machine) followVerdict(now time.Time, v Verdict) {
	most := m.policy.longest(v.Reason)
	switch v.State {
	case Lockout:
		most = m.policy.Window(v.Trigger).Max
	case Ready:
		most, m.lost = m.policy.ProbeInterval, time.Time{}
	}
	m.verdict = Status{
		State: v.State, Reason: v.Reason, Trigger: v.Trigger, Cause: v.Cause, Since: past(now, v.Since),
		Next: carried(now, v.Next, most), Failures: v.Failures, WindowsInRow: v.Windows,
	}
	if v.Next.IsZero() {
		m.verdict.Next = time.Time{}
	}
	m.asked, m.ladder, m.echo = past(now, v.Asked), ladder{RuleFor(v.Reason).Next, v.Rung}, nil
}

// Lead takes the place of the process that asked for all, which has left the record.
// Nobody knows what came of an attempt that it began: see [Machine.Restore].
func (m *Machine) Lead(now time.Time, r Record) Transition {
	from := m.Status(now)
	m.Follow(now, r)
	if trial := r.Attempt; r.Verdict.Key == "" { // nothing is left, but for what we have followed
		r = m.Record(now)
		if trial.After != "" {
			r.Attempt = trial
		}
	}
	m.spaced = time.Time{}
	m.resumeAttempt(now, r)
	m.enterWindow(now)
	return Transition{At: now, From: from, To: m.Status(now)}
}

// EndTrial heeds the verdict of whoever makes the one trial after a window, with
// another credential than ours: if it met no lockout, we may ask for ourselves.
func (m *Machine) EndTrial(now time.Time, leader Verdict) {
	if m.verdict.State == Lockout && !now.Before(m.verdict.Next) && leader.Reason != ReasonLockout && leader.Asked.After(m.verdict.Since) {
		m.begin(now)
	}
}

// Trial reports whether the next attempt is the trial after a window, or one of its
// looks.
func (m *Machine) Trial() bool {
	return m.verdict.Reason == ReasonLockout && m.verdict.WindowsInRow > 0
}

// Trial is [Machine.Trial] of somebody else's verdict.
func (v Verdict) Trial() bool { return v.Reason == ReasonLockout && v.Windows > 0 }

// Revoke takes back a permit that was not used.
func (m *Machine) Revoke(p Permit) {
	if m.Holds(p) {
		m.out, m.begun = Permit{}, Begun{}
	}
}

// VerdictPatience is how long a verdict of somebody who is not heard any more is still
// told.
const VerdictPatience = time.Minute

// Forget gives up a verdict that is too old to be told: nobody is heard who asks. A
// window and a hold stay, since their ends are known.
func (m *Machine) Forget(now time.Time) {
	switch m.verdict.State {
	case Ready, Starting, Retrying:
		m.enter(now, Retrying, Outcome{Reason: ReasonUnknown}, time.Time{})
	}
}

// Rename gives the target another name for the same DSN and credential: the salt of
// their fingerprints has changed. Nothing else does.
func (m *Machine) Rename(target Target) {
	before := m.target.Credential
	if r, held := m.rejected[before]; held && before != target.Credential {
		delete(m.rejected, before)
		r.Credential = target.Credential
		m.rejected[target.Credential] = r
	}
	m.target = target
}
