package budget

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// The numbers of the budget.
const (
	Places    = 8                 // refused logins and logins under way, all clients together
	Shared    = 6                 // the same before a shared pooler, see below
	kept      = 1                 // of them for addresses whose last login was good
	Window    = 150 * time.Second // for so long a refused login keeps its place
	FirstHold = 15 * time.Second  // an address waits so long after its first refused login
	LastHold  = 15 * time.Minute  // and at most so long, after several
	most      = 10_000            // addresses that are remembered
)

// Before a shared pooler the sidecar itself may make three wrong logins: the first,
// and two more for a pooler that has a rotated password later
// (docs/facts.md#cached-credential). With them, 9 is the most that the pooler sees; its
// breaker trips at 10.

// Admission is the answer to a login that would begin.
type Admission int

// The admissions. The zero value passes.
const (
	Pass  Admission = iota // it has a place now, to be given back with [Budget.Return]
	Wait                   // the places are taken by logins under way: ask again when one is back
	Held                   // its address waits, after a refused login
	Spent                  // refused logins have used up the budget
)

// Answer is an admission; Until is when a held address may try again, or when
// the next place is free.
type Answer struct {
	Admission
	Until time.Time
}

// Budget is who may log in. Use [New]. It is not safe for concurrent use.
type Budget struct {
	places  int
	refused []refusal // of the last [Window], oldest first
	out     int       // logins under way
	fresh   int       // of them, those of addresses that were not good when they began
	clients map[netip.Addr]*client
}

type refusal struct {
	at     time.Time
	client netip.Addr
}

// client is what is known of one address.
type client struct {
	good  bool
	out   int       // logins under way
	fresh int       // of them, those that began before the address was good
	held  time.Time // no login before
	hold  time.Duration
	last  time.Time // last heard of
	spoil bool      // good before it was refused: given back when that is forgiven
}

// New returns a budget of [Places], of which nothing is used.
func New() *Budget { return &Budget{places: Places, clients: make(map[netip.Addr]*client)} }

// Limit makes it so many places, from now on.
func (b *Budget) Limit(places int) { b.places = places }

// Ask lets a login of the address begin, or says why not.
func (b *Budget) Ask(now time.Time, address netip.Addr) Answer {
	b.expire(now)
	c := b.client(now, address)
	used, places := len(b.refused), b.places
	if !c.good {
		places -= kept
	}
	switch {
	case now.Before(c.held):
		return Answer{Held, c.held}
	case used >= places:
		return Answer{Spent, b.refused[used-places].at.Add(Window)}
	case used+b.out >= b.places, !c.good && (c.out > 0 || used+b.fresh >= places):
		return Answer{Wait, time.Time{}}
	}
	b.out++
	c.out++
	if !c.good {
		b.fresh++
		c.fresh++
	}
	return Answer{Pass, time.Time{}}
}

// Return gives the place of a login back, whatever became of it.
func (b *Budget) Return(address netip.Addr) {
	c := b.clients[address] // not forgotten while it has a place
	b.out--
	c.out--
	if c.fresh > 0 {
		b.fresh--
		c.fresh--
	}
}

// Good takes a login that the server took.
func (b *Budget) Good(now time.Time, address netip.Addr) {
	c := b.client(now, address)
	if now.Before(c.held) {
		return // another login of the same address was refused meanwhile
	}
	c.good, c.spoil, c.hold, c.held = true, false, 0, time.Time{}
}

// Refused takes a refused login and returns until when its address waits.
func (b *Budget) Refused(now time.Time, address netip.Addr) (until time.Time) {
	b.refused = append(b.refused, refusal{now, address})
	c := b.client(now, address)
	if now.Before(c.held) {
		return c.held // of the same burst
	}
	if now.After(c.held.Add(LastHold)) {
		c.hold = 0 // long ago
	}
	c.hold = min(max(2*c.hold, FirstHold), LastHold)
	c.held, c.spoil, c.good = now.Add(c.hold), c.good, false
	return c.held
}

// Forgive drops what was refused since that time, with what followed from it: it
// was nobody's password.
func (b *Budget) Forgive(since time.Time) {
	for len(b.refused) > 0 {
		last := b.refused[len(b.refused)-1]
		if last.at.Before(since) {
			return
		}
		b.refused = b.refused[:len(b.refused)-1]
		if c := b.clients[last.client]; c != nil {
			c.held, c.hold, c.good, c.spoil = time.Time{}, 0, c.good || c.spoil, false
		}
	}
}

// Out is how many logins are under way.
func (b *Budget) Out() int { return b.out }

// Used is how many refused logins of the last [Window] there are.
func (b *Budget) Used(now time.Time) int {
	b.expire(now)
	return len(b.refused)
}

// Hold is an address that waits.
type Hold struct {
	Client netip.Addr
	Until  time.Time
}

// Holds lists the addresses that wait, by their address.
func (b *Budget) Holds(now time.Time) []Hold {
	var all []Hold
	for address, c := range b.clients {
		if now.Before(c.held) {
			all = append(all, Hold{address, c.held})
		}
	}
	slices.SortFunc(all, func(x, y Hold) int { return x.Client.Compare(y.Client) })
	return all
}

func (b *Budget) expire(now time.Time) {
	n := 0
	for n < len(b.refused) && now.Sub(b.refused[n].at) >= Window {
		n++
	}
	b.refused = slices.Delete(b.refused, 0, n)
}

// client is what is known of an address, from now on if it is new.
func (b *Budget) client(now time.Time, address netip.Addr) *client {
	c := b.clients[address]
	if c == nil {
		if len(b.clients) >= most {
			b.forget(now)
		}
		c = new(client)
		b.clients[address] = c
	}
	c.last = now
	return c
}

// forget drops the half of the addresses that were not heard of for longest, but
// none that is held or has a login under way.
func (b *Budget) forget(now time.Time) {
	var idle []netip.Addr
	for address, c := range b.clients {
		if c.out == 0 && !now.Before(c.held) {
			idle = append(idle, address)
		}
	}
	slices.SortFunc(idle, func(x, y netip.Addr) int {
		return cmp.Or(b.clients[x].last.Compare(b.clients[y].last), x.Compare(y))
	})
	for _, address := range idle[:(len(idle)+1)/2] {
		delete(b.clients, address)
	}
}
