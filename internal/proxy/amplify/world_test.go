package amplify

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"dragonfly.internal/sidecar/internal/proxy/budget"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// The story of every cell of the tables.
const (
	broken  = time.Minute      // the password is changed underneath, and all connections drop
	mended  = 11 * time.Minute // everybody gets the right one, by a redeploy
	theEnd  = 60 * time.Minute
	latency = 50 * time.Millisecond // of one login
)

// Supavisor's breaker (docs/facts.md#supavisor-breaker).
const (
	trips   = 10
	within  = 150 * time.Second
	blocked = 2 * time.Minute
)

// Guard is who stands between the apps and the pooler.
type guard string

const (
	nobody guard = "nobody"
	readyz guard = "`/readyz`"
	proxy  guard = "the proxy"
)

var guards = []guard{nobody, readyz, proxy}

// retry is how an app tries again.
type retry struct {
	name  string
	conns int                       // that it keeps open
	pause func(n int) time.Duration // after the n-th failure in a row
	most  int                       // failures after which the platform gives it up; 0: never
}

func doubling(first, last time.Duration) func(int) time.Duration {
	return func(n int) time.Duration { return min(first<<min(n-1, 20), last) }
}

func fixed(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

var retries = []retry{
	{"every second", 1, fixed(time.Second), 0},
	{"2 s doubling to 60 s", 1, doubling(2*time.Second, time.Minute), 0},
	{"crash, restarted ten times", 1, fixed(3 * time.Second), 10},
	{"a pool that keeps five", 5, fixed(time.Second), 0},
}

// result is one cell.
type result struct {
	logins    int           // that came to the pooler while the password was wrong or the breaker shut
	locked    time.Duration // how long the breaker was shut
	outage    time.Duration // from the right password until every app was in
	never     int           // apps that were not in at the end
	perMinute [60]int       // logins at the pooler
}

type world struct {
	now    time.Time
	begun  time.Time
	events []event // the next first
	random *rand.Rand
	guard  guard
	fleet  int

	failed []time.Time // at the pooler
	until  time.Time   // the breaker is shut
	result result

	budget  *budget.Budget
	machine *machine.Machine
	away    map[int]bool // apps that are not in
}

type event struct {
	at time.Time
	do func()
}

// after has it done then, and after what is to be done at that moment already.
func (w *world) after(d time.Duration, do func()) {
	at := w.now.Add(d)
	i, _ := slices.BinarySearchFunc(w.events, at, func(e event, at time.Time) int {
		if e.at.After(at) {
			return 1
		}
		return -1
	})
	w.events = slices.Insert(w.events, i, event{at, do})
}

func (w *world) age() time.Duration { return w.now.Sub(w.begun) }

// wrong reports whether the password that everybody has is the wrong one.
func (w *world) wrong() bool { return w.age() >= broken && w.age() < mended }

// answer is the pooler's.
type answer int

const (
	in answer = iota
	refused
	shut
)

// knock is one login at the pooler.
func (w *world) knock() answer {
	w.result.perMinute[min(int(w.age()/time.Minute), 59)]++
	if w.wrong() || w.now.Before(w.until) {
		w.result.logins++
	}
	if w.now.Before(w.until) {
		return shut
	}
	if !w.wrong() {
		return in
	}
	for len(w.failed) > 0 && w.now.Sub(w.failed[0]) >= within {
		w.failed = w.failed[1:]
	}
	if w.failed = append(w.failed, w.now); len(w.failed) >= trips {
		w.until = w.now.Add(blocked)
		w.result.locked += blocked
	}
	return refused
}

// probe is the sidecar's own life.
func (w *world) probe() {
	permit, err := w.machine.Admit(w.now)
	if err == nil {
		o := machine.Outcome{Knocked: true, Dialled: w.now}
		switch w.knock() {
		case in:
			o.Reason = machine.ReasonOK
		case refused:
			o.Reason = machine.ReasonAuthFailed
		case shut:
			o.Reason, o.Trigger = machine.ReasonLockout, machine.TriggerCircuitBreaker
		}
		w.machine.Settle(w.now.Add(latency), permit, o)
	}
	w.after(time.Second, w.probe)
}

// status is the sidecar's verdict now.
func (w *world) status() machine.Status { return w.machine.Status(w.now) }

// app keeps one connection.
func (w *world) app(id int, r retry) {
	host := id / r.conns
	address := netip.AddrFrom4([4]byte{10, byte(host >> 16), byte(host >> 8), byte(host)})
	failures, generation := 0, 0
	var try func(g int)
	fail := func(g int) {
		if failures++; r.most > 0 && failures > r.most {
			return // given up, until the redeploy
		}
		pause := r.pause(failures)
		w.after(pause+time.Duration(w.random.Int64N(int64(pause)/5)), func() { try(g) })
	}
	settle := func(g int, a answer) {
		if g != generation {
			return
		}
		if a != in {
			fail(g)
			return
		}
		failures = 0
		if delete(w.away, id); len(w.away) == 0 && w.age() >= mended && w.result.outage == 0 {
			w.result.outage = w.age() - mended
		}
	}
	queued := 0
	try = func(g int) {
		if g != generation {
			return
		}
		switch {
		case w.guard == readyz && !w.status().Ready():
			w.after(2*time.Second, func() { try(g) }) // run asks again; no attempt is made
			return
		case w.guard == proxy && !w.status().Ready():
			fail(g)
			return
		case w.guard == proxy:
			switch w.budget.Ask(w.now, address).Admission {
			case budget.Wait:
				if queued++; queued > 300 {
					queued = 0
					fail(g)
					return
				}
				w.after(50*time.Millisecond, func() { try(g) })
				return
			case budget.Pass:
			default:
				fail(g)
				return
			}
			queued = 0
			a := w.knock()
			w.after(latency, func() {
				if a == in {
					w.budget.Good(w.now, address)
				} else if a == refused { // a shut breaker answers before the password
					w.budget.Refused(w.now, address)
					w.machine.Hurry(w.now)
				}
				w.budget.Return(address)
				settle(g, a)
			})
			return
		}
		a := w.knock()
		w.after(latency, func() { settle(g, a) })
	}
	restart := func(spread time.Duration) func() {
		return func() {
			w.away[id] = true
			generation, failures = generation+1, 0
			g := generation
			w.after(time.Duration(w.random.Int64N(int64(spread))), func() { try(g) })
		}
	}
	restart(10 * time.Second)()
	w.after(broken, restart(time.Second))
	w.after(mended, restart(10*time.Second))
}

// play is one cell.
func play(g guard, r retry, fleet int) result {
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	random := rand.New(rand.NewPCG(1, uint64(fleet)))
	w := &world{now: begun, begun: begun, random: random, guard: g, fleet: fleet, away: make(map[int]bool), budget: budget.New()}
	w.budget.Limit(budget.Shared)
	target := machine.Target{Key: "k", Credential: "old", DSN: "old", Shared: true}
	w.machine = machine.New(machine.DefaultPolicy(), target, random.Float64, begun)
	if g != nobody {
		w.probe()
		w.after(mended, func() {
			target.Credential, target.DSN = "new", "new"
			w.machine.SetTarget(w.now, target)
		})
	}
	for id := range fleet * r.conns {
		w.app(id, r)
	}
	for len(w.events) > 0 {
		e := w.events[0]
		w.events = w.events[1:]
		if w.now = e.at; w.age() > theEnd {
			break
		}
		e.do()
	}
	w.result.never = len(w.away)
	return w.result
}
