package machine

import (
	"math"
	"time"
)

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
	var age time.Duration // of the outage
	if m.verdict.State == Retrying {
		age = now.Sub(m.verdict.Since)
	}
	most := time.Duration(math.MaxInt64)
	switch {
	case rule.Next != NextRetry:
	case o.Cause != "" && m.ladder.rung > 2 && m.asked.Sub(m.before) > poolerRests:
		return now.Add(poolerHears) // this knock made the pooler try anew, the next one hears of it
	case o.Cause != "" && age < restartLasts+poolerMemory:
		most = poolerAgain
	case o.Cause == "" && age < restartLasts:
		most = restartCosts
	}
	delay := min(m.ladder.delay(rule.Next, m.policy, m.random()), max(most, m.policy.Retry.Min))
	return m.bans[m.target.Key].cap(now, now.Add(delay))
}

const (
	// A restart is over within a minute, and must not cost readiness half a minute more
	// than it lasts: a step of 32 s +-20 % keeps to the lower part of its jitter until then.
	restartLasts, restartCosts = time.Minute, 26 * time.Second

	// What PgBouncer remembers it says for 15 s more. So looks come in pairs, 16 s apart:
	// one makes it try anew, the next one hears of it (docs/facts.md#pgbouncer-memory).
	poolerMemory             = 15 * time.Second
	poolerAgain, poolerHears = 13 * time.Second, 3 * time.Second
	poolerRests              = 12 * time.Second // a look after so long may have made it try
)
