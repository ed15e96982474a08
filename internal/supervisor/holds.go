package supervisor

import "time"

// The two more tries of a shared pooler, from the first rejection: its cached
// credential may be up to 15 s old just after a rotation (facts 2).
var spacedTries = []time.Duration{15 * time.Second, 60 * time.Second}

// Tries remembers for which credential they were begun, and when.
type Tries struct {
	Credential string    `json:"credential,omitzero"`
	First      time.Time `json:"first,omitzero"`
}

// hold answers a rejected credential: the spaced tries once per credential on a
// shared pooler, else a hold.
func (m *Machine) hold(now time.Time, o Outcome) {
	m.knock, m.ladder, m.echo = time.Time{}, ladder{}, echo{}
	if m.tries.Credential != m.target.Credential {
		m.tries = Tries{m.target.Credential, now}
	}
	if m.target.Shared {
		for _, after := range spacedTries {
			if at := m.tries.First.Add(after); at.After(now) {
				m.enter(now, Rejected, o, at)
				return
			}
		}
	}
	m.enter(now, Rejected, o, now.Add(m.policy.Rejected.At(m.random())))
}

// ladder is how often one schedule was climbed in a row.
type ladder struct {
	next Next
	rung int
}

// delay climbs one rung of a schedule; j in [0,1) places it within the jitter.
func (l *ladder) delay(next Next, p Policy, j float64) time.Duration {
	if l.next != next {
		*l = ladder{next: next}
	}
	rung := l.rung
	l.rung++
	switch next {
	case NextReroute:
		return double(rerouteFirst, rerouteLast, rung)
	case NextCautious:
		return double(cautiousFirst, cautiousLast, rung)
	default:
		base := float64(double(p.Retry.Min, p.Retry.Max, rung))
		return time.Duration(base * (1 - retryJitter + 2*retryJitter*j))
	}
}

// retryAt is the next attempt after a fault that passes by itself. A watched
// answer without a cause keeps its own looks, and so does a suspected ban.
func (m *Machine) retryAt(now, asked time.Time, rule Rule, o Outcome) time.Time {
	if m.echo.waiting() && !m.echo.lasted(asked) {
		return m.echo.next(now)
	}
	if o.Slow {
		return now.Add(m.policy.Retry.Max)
	}
	return m.ban.cap(now, now.Add(m.ladder.delay(rule.Next, m.policy, m.random())))
}
