package machine

import "time"

// Lift is an operator's word that the ban of a key has been lifted: its windows of
// that trigger from before are over. Everything else stays: other windows, holds,
// and the suspicion that a connect that is refused once more is the ban come back.
// The zero value says nothing.
type Lift struct {
	Key string    `json:"key"`
	At  time.Time `json:"at"`
}

// lift drops the window of a ban that was lifted. What is over already has its trial
// under way, and is left to it; the next attempt counts as no trial.
func (m *Machine) lift(now time.Time, l Lift) {
	w := m.windows[l.Key]
	if w.Trigger != TriggerNetworkBan || !now.Before(w.Next) || !w.Since.Before(past(now, l.At)) {
		return
	}
	delete(m.windows, l.Key)
	b := m.bans[l.Key]
	b.Open = true // to the next refused connect it is as if it had ended by itself
	m.bans[l.Key] = b
	if l.Key == m.target.Key && m.verdict.State == Lockout {
		m.begin(now)
	}
}
