package poolersim

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Breaker is a pooler's lockout: after some failed logins it refuses everybody,
// the right password included, until it has been left alone for a while. Wire it
// into a script with [Breaker.Guard]. The zero value trips at the first failure
// and forgets at once: set Quiet.
type Breaker struct {
	Failures int           // failed logins that trip it; zero: 1
	Within   time.Duration // counted over this long; zero: ever
	Quiet    time.Duration // blocked until nobody has tried for this long
	Fixed    bool          // a try inside does not prolong the block, as with PgBouncer's own
	AtQuery  bool          // let clients log in and refuse the query, like PgBouncer with a warm pool
	Refusal  Refusal       // in these words; zero: CircuitBreaker, or ServerLoginRetry with AtQuery

	mu     sync.Mutex
	failed []time.Time
	until  time.Time
}

// Guard is the script with the breaker in front of it. A script that Choose
// returns has to be guarded itself.
func (b *Breaker) Guard(script Script) Script {
	script.OnWrong = failure{b, script.OnWrong}
	if b.AtQuery {
		script.OnQuery = gate{b, script.OnQuery}
	} else {
		script.OnStartup = gate{b, script.OnStartup}
	}
	return script
}

// Fail counts a failed login, as of some other client of the same pooler.
func (b *Breaker) Fail() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.Within > 0 {
		b.failed = slices.DeleteFunc(b.failed, func(t time.Time) bool { return now.Sub(t) >= b.Within })
	}
	b.failed = append(b.failed, now)
	if len(b.failed) >= cmp.Or(b.Failures, 1) {
		b.failed = nil
		b.until = now.Add(b.Quiet)
	}
}

// Until is when the block ends if nobody tries until then; zero while there is none.
func (b *Breaker) Until() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !time.Now().Before(b.until) {
		return time.Time{}
	}
	return b.until
}

// try says whether a client has to be refused now, and holds the try against it.
func (b *Breaker) try() (blocked bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if !now.Before(b.until) {
		return false
	}
	if !b.Fixed {
		b.until = now.Add(b.Quiet)
	}
	return true
}

func (b *Breaker) refusal() Refusal {
	words := CircuitBreaker
	if b.AtQuery {
		words = ServerLoginRetry
	}
	return cmp.Or(b.Refusal, words)
}

// gate refuses while the breaker blocks.
type gate struct {
	breaker *Breaker
	next    Act
}

func (g gate) perform(s *session) error {
	if g.breaker.try() {
		return g.breaker.refusal().perform(s)
	}
	return s.act(g.next)
}

// failure tells the breaker of a failed login.
type failure struct {
	breaker *Breaker
	next    Act
}

func (f failure) perform(s *session) error {
	f.breaker.Fail()
	return s.act(f.next)
}
