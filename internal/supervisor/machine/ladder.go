package machine

import "time"

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
		return double(RerouteFirst, RerouteLast, rung)
	case NextCautious:
		return double(CautiousFirst, CautiousLast, rung)
	default:
		base := float64(double(p.Retry.Min, p.Retry.Max, rung))
		return time.Duration(base * (1 - RetryJitter + 2*RetryJitter*j))
	}
}

// retryAt is the next attempt after a fault that passes by itself. A watched
// answer keeps its own looks, and so does a suspected ban.
func (m *Machine) retryAt(now time.Time, rule Rule, o Outcome) time.Time {
	if look, waits := m.echo.look(now); waits {
		return look
	}
	if o.Slow {
		return now.Add(m.policy.Retry.Max)
	}
	return m.bans[m.target.Key].cap(now, now.Add(m.ladder.delay(rule.Next, m.policy, m.random())))
}
