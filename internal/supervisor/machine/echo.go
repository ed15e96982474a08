package machine

import "time"

// A lockout of PgBouncer is its memory of an earlier login, 15 s old at most, and
// our own knock is what refreshes it (docs/facts.md#pgbouncer-memory). So an answer
// counts when it has outlasted that memory: at a look that comes after PgBouncer
// has tried anew and we could hear of it.

// EchoRule says when an answer counts, and when it is looked at again until then.
type EchoRule struct {
	Answer string          // what is answered, for the docs
	Counts time.Duration   // how long it has to be there
	Looks  []time.Duration // from the first answer; the last one decides
	is     func(Outcome) bool
}

// EchoRules are the answers that have to last, in the order in which they are
// looked up. What no row describes, the circuit breaker and the ban, is no memory
// and counts at once.
//
// The looks come in pairs: one makes PgBouncer try anew, after its 15 s and one more
// for its clock, and the next one 3 s later hears of it. A restart of PostgreSQL
// reads like an answer without a cause, so that one has to last longer: when others
// knock, a look may hear of a try made 15 s before, and one made while the database
// was away for 45 s is no longer heard of after a minute.
var EchoRules = []EchoRule{
	{"`server_login_retry` with a refused credential as its cause", 20 * time.Second, echoLooks[:2],
		func(o Outcome) bool { return o.Trigger == TriggerServerLoginRetry && o.Cause != "" }},
	{"`server_login_retry` without a cause", time.Minute, echoLooks,
		func(o Outcome) bool { return o.Trigger == TriggerServerLoginRetry }},
	{"`query_wait_timeout` at the login", time.Minute, echoLooks,
		func(o Outcome) bool { return o.Trigger == TriggerQueryWaitTimeout && o.Step == StepStartup }},
	{"`query_wait_timeout` at the query", 20 * time.Second, echoLooks[:2],
		func(o Outcome) bool { return o.Trigger == TriggerQueryWaitTimeout }},
}

var echoLooks = []time.Duration{17 * time.Second, 20 * time.Second, 33 * time.Second, 36 * time.Second, 49 * time.Second, 52 * time.Second, 65 * time.Second}

// EchoGap is the longest silence between two answers that are one.
const EchoGap = time.Minute

// echo is the answers that are watched, by rule; nil: none.
type echo map[int]watched

// watched is one answer that may be an old one.
type watched struct{ first, last time.Time }

// watch reports whether a lockout counts now, keeps the record of what has to last,
// and says when to look again. An answer is as old as the question that it came to.
func (m *Machine) watch(now time.Time, o Outcome) (counts bool, again time.Time) {
	for i, rule := range EchoRules {
		if !rule.is(o) {
			continue
		}
		w, before := m.echo[i]
		if !before || m.asked.Sub(w.last) >= EchoGap {
			w.first = now
		}
		w.last = now
		if m.echo == nil {
			m.echo = make(echo)
		}
		m.echo[i] = w
		again, waits := m.echo.look(now) // the next of any, as two answers may take turns
		if !waits {
			again = now // a look that hung has made the last one late
		}
		return m.asked.Sub(w.first) >= rule.Counts, again
	}
	return true, now
}

// look is the next look at an answer, if one is still to come.
func (w watched) look(rule EchoRule, now time.Time) (at time.Time, waits bool) {
	for _, after := range rule.Looks {
		if at := w.first.Add(after); at.After(now) {
			return at, true
		}
	}
	return now, false
}

// look is the next look at any of the answers that are watched.
func (e echo) look(now time.Time) (next time.Time, waits bool) {
	for i, w := range e {
		if at, ok := w.look(EchoRules[i], now); ok && (!waits || at.Before(next)) {
			next, waits = at, true
		}
	}
	return next, waits
}
