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

// counts reports whether this outcome is a network_ban, and keeps the record.
func (b *Ban) counts(now, asked time.Time, target Target, o Outcome) bool {
	if !target.DBHost {
		return false
	}
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

// cap moves a retry forward to the next look that decides, if one is due first.
func (b *Ban) cap(now, next time.Time) time.Time {
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
