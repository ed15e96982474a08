package supervisor

import "time"

// When a refused connect is a ban (contract 4, facts 2): a db.* host bans an
// address for 30 minutes after two wrong passwords, and the ban shows as plain
// ECONNREFUSED. A restart shows the same, but is over sooner.
const banMemory = time.Hour // a rejection this recent makes a refusal suspicious

// banAsks are the looks that a refusal has to outlast.
var banAsks = []time.Duration{time.Minute, 2 * time.Minute}

// ban remembers what makes a refused connect suspicious. The zero value
// suspects nothing.
type ban struct {
	rejected time.Time // last auth_failed on a db.* host, if no success came after it
	first    time.Time // first refusal of those in a row
	open     bool      // the last window was a ban, and nothing answered since
}

// counts reports whether this outcome is a network_ban, and keeps the record.
func (b *ban) counts(now, asked time.Time, target Target, o Outcome) bool {
	if !target.DBHost {
		return false
	}
	if o.Reason == ReasonAuthFailed {
		b.rejected = now
	}
	if !o.Refused {
		b.first = time.Time{}
		return false
	}
	recent := !b.rejected.IsZero() && now.Sub(b.rejected) < banMemory
	switch {
	case !b.first.IsZero():
		return asked.Sub(b.first) >= banAsks[len(banAsks)-1]
	case recent || b.open:
		b.first = now
	}
	return false
}

// cap moves a retry forward to the next look that decides, if one is due first.
func (b *ban) cap(now, next time.Time) time.Time {
	if b.first.IsZero() {
		return next
	}
	for _, after := range banAsks {
		if at := b.first.Add(after); at.After(now) && at.Before(next) {
			return at
		}
	}
	return next
}
