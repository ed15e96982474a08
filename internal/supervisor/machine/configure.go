package machine

import "time"

// begin puts the machine at its start: no verdict yet, and silence while a store
// that was lost may have held a window.
func (m *Machine) begin(now time.Time) {
	if now.Before(m.silent) {
		m.enter(now, Starting, Outcome{Reason: ReasonStoreLost}, m.silent)
		return
	}
	m.enter(now, Starting, Outcome{Reason: ReasonStarting}, now)
}

// Configure changes what the machine speaks for. A changed credential ends a
// hold; it never ends a window, which is on the project and the address. While a
// permit is out the change waits for its result: a lockout that it brings is one
// for the new credential as well.
func (m *Machine) Configure(now time.Time, target Target) Transition {
	from, before := m.Status, m.target
	if m.out.Valid() {
		m.later = &target
		return Transition{At: now, From: from, To: from}
	}
	if target == before && from.State != "" {
		return Transition{At: now, From: from, To: from}
	}
	m.target, m.knock = target, time.Time{}
	m.ladder, m.echo = ladder{}, echo{}
	if target.Key != before.Key {
		m.bans[before.Key] = m.ban
		m.WindowsInRow, m.Failures, m.ban = 0, 0, m.bans[target.Key]
	}
	switch window, hold := m.windows[target.Key], m.rejected[target.Credential]; {
	case target.Fault != "":
		m.enter(now, Misconfigured, Outcome{Reason: target.Fault}, time.Time{})
	case now.Before(window.Next):
		m.Status = window
	case now.Before(m.silent):
		m.begin(now)
	case now.Before(hold.Until):
		m.Status = hold.status(m.Status) // not repeated at another address, nor on the way back
	case from.State == Ready && target.Key == before.Key:
		m.Next = now // still the same database: ready until the new credential says otherwise
	default:
		m.begin(now)
	}
	return Transition{At: now, From: from, To: m.Status}
}
