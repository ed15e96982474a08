package proxy

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"dragonfly.internal/sidecar/internal/proxy/budget"
)

// queueing is how long a client waits for a place in the budget.
const queueing = 15 * time.Second

// gate is the budget with those who wait for a place, first come, first served.
type gate struct {
	mu      sync.Mutex
	budget  *budget.Budget
	waiting []*waiter
	event   func(netip.Addr, budget.Event) // called with mu held
	counts  func() bool                    // the sidecar is ready: a refusal is the password's
	places  func() int                     // that the budget has
	open    func() bool                    // the verdict lets logins through
}

type waiter struct {
	login  *login
	answer chan budget.Answer
}

// login is a login under way, and the clock it needs.
type login struct {
	gate    *gate
	address netip.Addr
	inner   *budget.Login
	timer   *time.Timer
	settled atomic.Bool // nothing can change any more: no need to look
}

func (g *gate) login(address netip.Addr) *login {
	l := &login{gate: g, address: address, inner: g.budget.Login(address)}
	l.timer = time.AfterFunc(time.Hour, l.tick)
	l.timer.Stop()
	return l
}

// enter takes a place for the client's next n bytes if they need one, and waits for
// it if need be; gone says that nobody needs it any more.
func (l *login) enter(n int, gone func() bool) budget.Answer {
	if l.settled.Load() {
		return budget.Answer{}
	}
	g := l.gate
	g.mu.Lock()
	if !l.inner.Needs(n) {
		g.mu.Unlock()
		return budget.Answer{}
	}
	answer := budget.Answer{Admission: budget.Wait}
	w := &waiter{l, make(chan budget.Answer, 1)}
	g.budget.Limit(g.places())
	g.waiting = append(g.waiting, w) // behind those who came before
	g.wake()
	g.mu.Unlock()
	select {
	case answer = <-w.answer:
		return answer
	default:
	}
	patience := time.NewTimer(queueing)
	defer patience.Stop()
	look := time.NewTicker(time.Second) // a place may also become free by time alone
	defer look.Stop()
	for {
		select {
		case answer = <-w.answer:
			return answer
		case <-look.C:
			g.mu.Lock()
			g.wake()
			g.mu.Unlock()
			if !gone() {
				continue
			}
		case <-patience.C:
		}
		g.mu.Lock()
		g.waiting = slices.DeleteFunc(g.waiting, func(other *waiter) bool { return other == w })
		g.mu.Unlock()
		select {
		case answer = <-w.answer:
		default:
		}
		return answer
	}
}

// goesOn reports whether the client's next n bytes may be passed on, and waits for a
// place for them if need be.
func (l *login) goesOn(n int) bool {
	if l.enter(n, func() bool { return false }).Admission != budget.Pass {
		return false
	}
	if l.gate.open() {
		return true
	}
	l.gate.mu.Lock()
	defer l.gate.mu.Unlock()
	return l.inner.Verdict() != budget.Pending
}

// wake asks again for everybody who waits.
func (g *gate) wake() {
	g.waiting = slices.DeleteFunc(g.waiting, func(w *waiter) bool {
		answer := w.login.inner.Enter(time.Now())
		if answer.Admission != budget.Wait {
			w.answer <- answer
		}
		return answer.Admission != budget.Wait
	})
}

// saw takes n bytes from a side, before they are passed on.
func (l *login) saw(from budget.Side, n int) {
	l.do(func(now time.Time) budget.Event { return l.inner.Bytes(from, n, now) })
}

// end takes the end of a side.
func (l *login) end(side budget.Side) {
	l.do(func(now time.Time) budget.Event { return l.inner.End(side, now, l.gate.counts()) })
}

func (l *login) tick() { l.do(l.inner.Tick) }

// over takes the end of the connection.
func (l *login) over() {
	l.do(func(time.Time) budget.Event { l.inner.Over(); return budget.Event{} })
}

// do lets the login take what has happened, and the others what follows.
func (l *login) do(happened func(now time.Time) budget.Event) {
	if l.settled.Load() {
		return
	}
	g := l.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	now, out := time.Now(), g.budget.Out()
	if e := happened(now); e.Refused {
		g.event(l.address, e)
	}
	if g.budget.Out() < out {
		g.wake()
	}
	if l.inner.Settled() {
		l.settled.Store(true)
		l.timer.Stop()
	} else if due, ok := l.inner.Due(); ok {
		l.timer.Reset(due.Sub(now))
	}
}

// forgive drops what was refused since that time.
func (g *gate) forgive(since time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.budget.Forgive(since)
	g.wake()
}
