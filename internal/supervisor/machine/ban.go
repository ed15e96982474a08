package machine

import "time"

// When a refused connect is a ban (docs/facts.md#db-host-ban): a db.* host bans an
// address for 30 minutes after two wrong passwords, and the ban shows as plain
// ECONNREFUSED. A restart shows the same, but is over sooner.
const BanMemory = time.Hour // a rejection this recent makes a refusal suspicious

// banGap is more than lies between two looks: refusals further apart are two
// faults, not one that lasts.
const banGap = 5 * time.Minute

// BanAsks are the looks that a refusal has to outlast.
var BanAsks = []time.Duration{time.Minute, 2 * time.Minute}

// Ban remembers what makes a refused connect suspicious. The zero value
// suspects nothing.
type Ban struct {
	Rejected time.Time `json:"rejected,omitzero"` // last auth_failed on a db.* host, if no success came after it
	First    time.Time `json:"first,omitzero"`    // first refusal of those in a row
	Last     time.Time `json:"last,omitzero"`     // and the last one
	Open     bool      `json:"open,omitzero"`     // the last window was a ban, and nothing answered since
}

// suspectBan reports whether an outcome is a network_ban, and keeps the record.
func (m *Machine) suspectBan(now, asked time.Time, o Outcome) bool {
	if !m.target.DBHost {
		return false
	}
	b := m.bans[m.target.Key]
	defer func() { m.bans[m.target.Key] = b }()
	if o.Reason == ReasonAuthFailed {
		b.Rejected = now
	}
	if !o.Refused {
		b.First = time.Time{}
		return false
	}
	if now.Sub(b.Last) > banGap {
		b.First = time.Time{}
	}
	b.Last = now
	recent := !b.Rejected.IsZero() && now.Sub(b.Rejected) < BanMemory
	switch {
	case !b.First.IsZero():
		return asked.Sub(b.First) >= BanAsks[len(BanAsks)-1]
	case recent || b.Open:
		b.First = now
	}
	return false
}

// openBan notes what a window that opens was, for the refused connects after it.
func (m *Machine) openBan(o Outcome) {
	b := m.bans[m.target.Key]
	b.First, b.Open = time.Time{}, o.Trigger == TriggerNetworkBan
	m.bans[m.target.Key] = b
}

// cap moves a retry forward to the next look that decides, if one is due first.
func (b Ban) cap(now, next time.Time) time.Time {
	if b.First.IsZero() {
		return next
	}
	for _, after := range BanAsks {
		if at := b.First.Add(after); at.After(now) && at.Before(next) {
			return at
		}
	}
	return next
}
