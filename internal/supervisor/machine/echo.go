package machine

import "time"

// Which lockouts of PgBouncer count (docs/states.md#lockouts). It answers a knock
// from its memory of an earlier login, and that same knock makes it look again; so
// the first answer after a silence says nothing about now
// (docs/facts.md#pgbouncer-memory).
const (
	EchoFresh   = time.Minute      // what came before vouches for an answer for this long
	EchoAgain   = 3 * time.Second  // second look otherwise
	EchoLasting = 20 * time.Second // an answer without a cause has to be there this long
)

// EchoAsks are the looks at an answer without a cause, from when it first came.
// The knock at 17 s is the first that makes PgBouncer try anew after its own
// 15 s, the one at 20 s hears of it.
var EchoAsks = []time.Duration{EchoAgain, 17 * time.Second, EchoLasting}

// echo remembers answers that did not count yet. The zero value remembers none.
type echo struct {
	first, last time.Time // first and last answer without a cause
	waited      time.Time // last query_wait_timeout at the query
}

// judge reports whether a lockout is one now, keeps the record, and says when to
// look again if it is not. The circuit breaker and the ban are no memory: they
// count at once.
func (e *echo) judge(now, asked, previous time.Time, o Outcome) (counts bool, again time.Time) {
	again = now.Add(EchoAgain)
	switch {
	case nameless(o):
		if !e.waiting() || asked.Sub(e.last) >= EchoFresh {
			e.first = now
		}
		e.last = now
		return e.lasted(asked), e.next(now)
	case o.Trigger == TriggerServerLoginRetry:
		e.first = time.Time{}
		return fresh(asked, previous), again
	case o.Trigger == TriggerQueryWaitTimeout:
		// With a short setting the first client after a restart of PostgreSQL gets
		// it too, and the next one server_login_retry; a full pool repeats it.
		counts = fresh(asked, e.waited)
		e.waited = now
		return counts, again
	}
	return true, again
}

// nameless reports whether the answer reads the same after a restart of
// PostgreSQL: PgBouncer before 1.24 names no cause, and a pool that never had a
// server lets its clients wait.
func nameless(o Outcome) bool {
	return o.Trigger == TriggerServerLoginRetry && o.Cause == "" ||
		o.Trigger == TriggerQueryWaitTimeout && o.Step == StepStartup
}

func fresh(asked, before time.Time) bool {
	return !before.IsZero() && asked.Sub(before) < EchoFresh
}

// waiting reports whether an answer without a cause is being watched.
func (e *echo) waiting() bool { return !e.first.IsZero() }

// lasted reports whether a look asked at that time comes late enough to count.
func (e *echo) lasted(asked time.Time) bool { return asked.Sub(e.first) >= EchoLasting }

// next is when to look again at an answer without a cause; at once when the last
// look is overdue, which a hanging one before it may cause.
func (e *echo) next(now time.Time) time.Time {
	for _, after := range EchoAsks {
		if at := e.first.Add(after); at.After(now) {
			return at
		}
	}
	return now
}
