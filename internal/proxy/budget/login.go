package budget

import (
	"net/netip"
	"time"
)

// cancelRequest is the length of a request to cancel a query: the one thing that
// a client says first and that needs no place, since no password follows.
const cancelRequest = 16

// Login is one login and its place in the budget. Use [Budget.Login]. What is to
// be done comes in the order of the methods; after [Login.Over] nothing is.
type Login struct {
	Reading
	budget  *Budget
	address netip.Addr
	place   bool // it has one
	queued  bool // it asked for one and waits: its silence is not the client's
	begun   bool // the client has said something
	told    bool // the budget knows the verdict
}

// Login is one of a client at that address; it has no place yet.
func (b *Budget) Login(address netip.Addr) *Login { return &Login{budget: b, address: address} }

// Needs reports whether the login needs a place before the client's next n bytes
// are passed on: ask for one with [Login.Enter].
func (l *Login) Needs(n int) bool {
	return !l.place && l.verdict == Pending && (l.begun || n != cancelRequest)
}

// Enter asks for a place.
func (l *Login) Enter(now time.Time) Answer {
	answer := l.budget.Ask(now, l.address)
	l.place, l.queued = answer.Admission == Pass, answer.Admission == Wait
	return answer
}

// Bytes takes n bytes from a side, before they are passed on.
func (l *Login) Bytes(from Side, n int, now time.Time) Event {
	l.begun = true
	l.Reading.Bytes(from, n, now)
	return l.tell(now, true)
}

// End takes the end of a side. counts: the sidecar is ready, so a refusal is the
// password's.
func (l *Login) End(side Side, now time.Time, counts bool) Event {
	l.Reading.End(side, now)
	return l.tell(now, counts)
}

// Due is when [Login.Tick] has something to do. False: never.
func (l *Login) Due() (time.Time, bool) {
	if l.queued {
		return time.Time{}, false
	}
	due, ok := l.Reading.Due()
	if since, waits := l.Waits(); waits && l.place && (!ok || since.Add(Idle).Before(due)) {
		return since.Add(Idle), true
	}
	return due, ok
}

// Tick takes it that nothing came until now.
func (l *Login) Tick(now time.Time) Event {
	if l.queued {
		return Event{}
	}
	l.Quiet(now)
	if since, waits := l.Waits(); waits && now.Sub(since) >= Idle {
		l.leave()
	}
	return l.tell(now, true)
}

// Over takes the end of both sides: whatever place there was is given back.
func (l *Login) Over() {
	if l.verdict == Pending {
		l.settle(NoLogin)
	}
	l.leave()
}

// Event is what has become known of a login; the zero value is nothing.
type Event struct {
	Refused bool
	Held    time.Time // its address waits until then; zero: it does not
}

// tell passes a verdict on to the budget, once; one that was presumed may change.
func (l *Login) tell(now time.Time, counts bool) (e Event) {
	switch {
	case l.verdict == Pending:
		return e
	case l.verdict == Refused && counts:
		e = Event{true, l.budget.Refused(now, l.address)}
		l.verdict = NoLogin // told
	case l.verdict == Good && !l.told:
		l.told = true
		l.budget.Good(now, l.address)
	}
	l.leave()
	return e
}

func (l *Login) leave() {
	if l.place {
		l.place = false
		l.budget.Return(l.address)
	}
}
