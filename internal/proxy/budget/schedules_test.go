package budget

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// kind is how a simulated app logs in.
type kind struct {
	wrong bool          // has a wrong password
	think time.Duration // before each of its flights
	drops int           // ends the connection after so many flights; 0: does not
	idle  bool          // asks nothing once it is in
	every time.Duration // between its tries
}

// exchange is how a login goes between one client and one server: the lengths of
// the client's flights, the server's answers, and the ends of either password.
type exchange struct {
	client, server []int
	judged         int // the client's flight that carries the credential
	refusal        int
	welcome        int
}

var exchanges = []exchange{
	{[]int{58, 55, 109}, []int{24, 93}, 2, 100, 461},
	{[]int{58, 41}, []int{13}, 1, 52, 406},
	{[]int{8, 58, 41}, []int{1, 13}, 2, 52, 406},
	{[]int{8, 293, 190, 77, 131}, []int{1, 835, 620, 115}, 4, 94, 505},
	{[]int{8, 293, 332, 154, 103, 203}, []int{1, 99, 795, 65, 115}, 5, 122, 483},
	{[]int{8, 188, 126, 87, 110, 210}, []int{1, 640, 51, 72, 122}, 5, 129, 490},
	{[]int{58, 56, 109}, []int{24, 93}, 2, 48, 189}, // a short welcome
}

// world is a pooler with a breaker, the budget before it, and apps.
type world struct {
	t       *rapid.T
	now     time.Time
	events  []event // the next first
	budget  *Budget
	waiting []func() bool // ask again; true: answered
	waking  bool
	failed  []time.Time   // wrong passwords that the pooler judged
	slow    time.Duration // what the pooler takes for an answer
	spent   int           // logins refused as spent
	good    map[netip.Addr]int
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

// wake lets those who wait ask again, as soon as what happens now has happened.
func (w *world) wake() {
	if !w.waking && len(w.waiting) > 0 {
		w.waking = true
		w.after(0, func() {
			w.waking = false
			w.waiting = slices.DeleteFunc(w.waiting, func(ask func() bool) bool { return ask() })
		})
	}
}

// fail is a wrong password that the pooler sees. Ten in 150 s trip the breaker.
func (w *world) fail() {
	w.failed = append(slices.DeleteFunc(w.failed, func(t time.Time) bool { return w.now.Sub(t) >= 150*time.Second }), w.now)
	if len(w.failed) > Places {
		w.t.Fatalf("%d refused logins within 150s at %v: the sidecar's own is the last one allowed", len(w.failed), w.now)
	}
}

// try is one connection of an app; done is called when it is over.
func (w *world) try(address netip.Addr, k kind, x exchange, done func()) {
	l := w.budget.Login(address)
	over := false
	end := func() {
		if !over {
			over = true
			l.Over()
			w.wake()
			done()
		}
	}
	var tick func()
	tick = func() {
		if over {
			return
		}
		if due, ok := l.Due(); ok {
			w.after(due.Sub(w.now), func() {
				if over {
					return
				}
				if now, ok := l.Due(); ok && !w.now.Before(now) {
					l.Tick(w.now)
					w.wake()
				}
				tick()
			})
		}
	}
	said := func(side Side, n int) { l.Bytes(side, n, w.now); w.wake(); tick() }
	ended := func(side Side) { l.End(side, w.now, true); w.wake(); tick() }

	var flight func(i int)
	send := func(i int) {
		said(Client, x.client[i])
		if k.drops == i+1 {
			ended(Client) // the pooler answers all the same, and then sees the end
		}
		w.after(w.slow, func() {
			switch {
			case over:
			case i < x.judged:
				if said(Server, x.server[i]); k.drops == i+1 {
					ended(Server)
					end()
					return
				}
				w.after(k.think, func() { flight(i + 1) })
			case k.wrong:
				w.fail()
				said(Server, x.refusal)
				w.after(50*time.Millisecond, func() { ended(Server); end() })
			default:
				said(Server, x.welcome)
				if k.idle {
					w.after(10*time.Second, func() { said(Client, 5); ended(Client); ended(Server); end() })
					return
				}
				w.after(k.think, func() {
					said(Client, 14)
					said(Server, 66)
					said(Client, 5)
					ended(Client)
					ended(Server)
					end()
				})
			}
		})
	}
	flight = func(i int) {
		if over || !l.Needs(x.client[i]) {
			send(i)
			return
		}
		ask := func() bool {
			if over {
				return true
			}
			switch answer := l.Enter(w.now); answer.Admission {
			case Pass:
				send(i)
				return true
			case Wait:
				return false
			case Spent:
				w.spent++
				if c := w.budget.clients[address]; c.good && w.budget.Used(w.now) < Places {
					w.t.Fatalf("a good address is refused with %d refused logins", w.budget.Used(w.now))
				}
			}
			end()
			return true
		}
		if !ask() {
			w.waiting = append(w.waiting, ask)
		}
	}
	flight(0)
}

// TestSchedules: whatever mix of right, wrong, slow and flapping apps there is,
// the pooler never sees more than 8 refused logins in 150 s; without a refused
// login nobody is turned away; and nobody waits for ever.
func TestSchedules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, now: time.Unix(0, 0), budget: New(), good: make(map[netip.Addr]int)}
		w.slow = time.Duration(rapid.Int64Range(1, 4000).Draw(t, "answers")) * time.Millisecond
		apps := rapid.IntRange(1, 16).Draw(t, "apps")
		addresses := rapid.IntRange(1, 12).Draw(t, "addresses")
		end, anyWrong := w.now.Add(4*time.Minute), false
		tries, overs := 0, 0
		for i := range apps {
			k := kind{
				wrong: rapid.IntRange(0, 2).Draw(t, "wrong") == 0,
				think: time.Duration(rapid.SampledFrom([]int{0, 1, 50, 1900, 2100, 40_000}).Draw(t, "think")) * time.Millisecond,
				drops: max(0, rapid.IntRange(-8, 5).Draw(t, "drops")),
				idle:  rapid.Bool().Draw(t, "idle"),
				every: time.Duration(rapid.SampledFrom([]int{500, 3000, 15_000, 60_000}).Draw(t, "every")) * time.Millisecond,
			}
			flaps := rapid.IntRange(0, 4).Draw(t, "flaps") == 0
			anyWrong = anyWrong || k.wrong || flaps || k.drops > 0 // giving up in the middle looks like a refusal
			x := rapid.SampledFrom(exchanges).Draw(t, "exchange")
			address := netip.AddrFrom4([4]byte{10, 0, 0, byte(i % addresses)})
			var again func()
			again = func() {
				if w.now.After(end) {
					return
				}
				if flaps {
					k.wrong = !k.wrong
				}
				tries++
				w.try(address, k, x, func() { overs++; w.after(k.every, again) })
			}
			w.after(time.Duration(rapid.IntRange(0, 3000).Draw(t, "start"))*time.Millisecond, again)
		}
		for steps := 0; len(w.events) > 0; steps++ {
			e := w.events[0]
			w.events = w.events[1:]
			w.now = e.at
			e.do()
			if w.budget.out < 0 || w.budget.out > Places {
				t.Fatalf("%d places are taken", w.budget.out)
			}
		}
		if !anyWrong && w.spent > 0 {
			t.Fatalf("%d logins turned away, and none was refused", w.spent)
		}
		if w.budget.out != 0 || len(w.waiting) != 0 || tries != overs {
			t.Fatalf("%d places taken, %d waiting, %d of %d over", w.budget.out, len(w.waiting), overs, tries)
		}
	})
}
