package supervisor

import "time"

// Which server_login_retry counts (contract 4). PgBouncer answers a knock from
// its memory of an earlier login, and that same knock makes it look again; so
// the first answer after a silence says nothing about now (facts 2).
const (
	echoFresh   = time.Minute      // a previous login younger than this vouches for the answer
	echoAgain   = 3 * time.Second  // second look otherwise
	echoLasting = 20 * time.Second // an answer without a cause has to be there this long
)

// echoAsks are the looks at an answer without a cause, from when it first came.
// The knock at 17 s is the first that makes PgBouncer try anew after its own
// 15 s, the one at 20 s hears of it.
var echoAsks = []time.Duration{echoAgain, 17 * time.Second, echoLasting}

// echo remembers answers that did not count yet. The zero value remembers none.
type echo struct {
	first, last time.Time // first and last answer without a cause
}

// counts reports whether a lockout is one. Only server_login_retry can be an
// echo of the past.
func (e *echo) counts(now, asked, previous time.Time, o Outcome) bool {
	if o.Trigger != TriggerServerLoginRetry {
		return true
	}
	if o.Cause != "" {
		e.first = time.Time{}
		return !previous.IsZero() && asked.Sub(previous) < echoFresh
	}
	if !e.waiting() || asked.Sub(e.last) >= echoFresh {
		e.first = now
	}
	e.last = now
	return e.lasted(asked)
}

// waiting reports whether an answer without a cause is being watched.
func (e *echo) waiting() bool { return !e.first.IsZero() }

// lasted reports whether a look asked at that time comes late enough to count.
func (e *echo) lasted(asked time.Time) bool { return asked.Sub(e.first) >= echoLasting }

// next is when to look again.
func (e *echo) next(now time.Time) time.Time {
	if !e.waiting() {
		return now.Add(echoAgain)
	}
	for _, after := range echoAsks {
		if at := e.first.Add(after); at.After(now) {
			return at
		}
	}
	return now
}
