package budget

import (
	"net/netip"
	"testing"
	"time"
)

func address(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}) }

// ask asks and wants that admission.
func ask(t *testing.T, b *Budget, now time.Time, n int, want Admission) Answer {
	t.Helper()
	answer := b.Ask(now, address(n))
	if answer.Admission != want {
		t.Fatalf("address %d at %v: %+v, want %d", n, now, answer, want)
	}
	return answer
}

// login is one whole login.
func login(t *testing.T, b *Budget, now time.Time, n int, good bool) {
	t.Helper()
	ask(t, b, now, n, Pass)
	if good {
		b.Good(now, address(n))
	} else {
		b.Refused(now, address(n))
	}
	b.Return(address(n))
}

// TestOneWrongApp: however many connections it opens, it has one login at a time,
// and waits longer after each; another app passes.
func TestOneWrongApp(t *testing.T) {
	b, now := New(), time.Unix(0, 0)
	for i, hold := range []time.Duration{15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 15 * time.Minute} {
		ask(t, b, now, 1, Pass)
		ask(t, b, now, 1, Wait)
		until := b.Refused(now, address(1))
		b.Return(address(1))
		if until.Sub(now) != hold {
			t.Fatalf("hold %d is %v, want %v", i, until.Sub(now), hold)
		}
		if got := ask(t, b, until.Add(-1), 1, Held).Until; got != until {
			t.Fatalf("held until %v, want %v", got, until)
		}
		if holds := b.Holds(now); len(holds) != 1 || holds[0] != (Hold{address(1), until}) {
			t.Fatalf("holds %v", holds)
		}
		login(t, b, now, 2, true)
		if most := 4; b.Used(now) > most {
			t.Fatalf("one app has used %d places", b.Used(now))
		}
		now = until
	}
	login(t, b, now, 1, true)
	if until := b.Refused(now, address(1)); until.Sub(now) != FirstHold {
		t.Errorf("a good login did not end the doubling: %v", until.Sub(now))
	}
}

// TestKeptPlace: when wrong apps have used the budget up, newcomers are told
// until when, and an address whose last login was good still gets through, as
// often as it likes; a refusal ends that.
func TestKeptPlace(t *testing.T) {
	b, now := New(), time.Unix(0, 0)
	login(t, b, now, 100, true)
	for n := range Places - kept {
		login(t, b, now.Add(time.Duration(n)*time.Second), n, false)
	}
	now = now.Add(20 * time.Second)
	if answer := ask(t, b, now, 50, Spent); !answer.Until.Equal(time.Unix(0, 0).Add(Window)) {
		t.Errorf("spent until %v", answer.Until)
	}
	for range 100 {
		login(t, b, now, 100, true)
	}
	ask(t, b, now, 100, Pass)
	ask(t, b, now, 100, Wait) // one after the other
	b.Refused(now, address(100))
	b.Return(address(100))
	ask(t, b, now.Add(FirstHold), 100, Spent)
	login(t, b, time.Unix(0, 0).Add(Window+time.Second), 50, true) // two places are free again
}

// TestRotation: 200 good addresses with a password that was changed underneath.
func TestRotation(t *testing.T) {
	b, now := New(), time.Unix(0, 0)
	for n := range 200 {
		login(t, b, now, n, true)
	}
	passed := 0
	for n := range 200 {
		if b.Ask(now, address(n)).Admission == Pass {
			passed++
		}
	}
	for n := range passed {
		b.Refused(now, address(n))
		b.Return(address(n))
	}
	for n := range 200 {
		if answer := b.Ask(now.Add(Window-1), address(n)); answer.Admission == Pass || answer.Admission == Wait {
			t.Fatalf("address %d: %+v", n, answer)
		}
	}
	if passed != Places {
		t.Errorf("%d tried", passed)
	}
}

// TestForgive: what was nobody's password is given back, with its holds; what was
// refused before is not.
func TestForgive(t *testing.T) {
	b, now := New(), time.Unix(0, 0)
	login(t, b, now, 2, true)
	login(t, b, now, 1, false)
	now = now.Add(time.Minute)
	login(t, b, now, 2, false)
	login(t, b, now, 1, false)
	b.Forgive(now)
	if b.Used(now) != 1 {
		t.Errorf("%d used", b.Used(now))
	}
	ask(t, b, now, 2, Pass)
	ask(t, b, now, 2, Pass) // good, as before
	ask(t, b, now, 1, Pass)
	ask(t, b, now, 1, Wait)
}

// TestAddressesAreForgotten: memory is bounded, and holds are kept.
func TestAddressesAreForgotten(t *testing.T) {
	b, now := New(), time.Unix(0, 0)
	login(t, b, now, 0, false)
	for n := range 3 * most {
		login(t, b, now.Add(time.Duration(n)*time.Microsecond), n+1, true)
	}
	if len(b.clients) > most {
		t.Errorf("%d addresses", len(b.clients))
	}
	ask(t, b, now.Add(time.Second), 0, Held)
}

// TestPieces: clients that say a piece of a startup message, at once or by drips, take
// nobody's place for long, and need one for the rest.
func TestPieces(t *testing.T) {
	b, now := New(), time.Unix(0, 0)
	var pieces []*Login
	for n := range Places - kept {
		l := b.Login(address(n))
		if !l.Needs(1) || l.Enter(now).Admission != Pass {
			t.Fatal("no place")
		}
		l.Bytes(Client, 1, now)
		pieces = append(pieces, l)
	}
	ask(t, b, now, 100, Wait)
	for end := now.Add(Idle); now.Before(end); now = now.Add(Idle / 2) {
		pieces[0].Bytes(Client, 1, now)
	}
	for n, l := range pieces {
		if due, ok := l.Due(); !ok || due.After(now) {
			t.Fatalf("client %d has its place until %v, %v", n, due, ok)
		}
		if l.Tick(now); !l.Needs(1) {
			t.Errorf("client %d needs no place for the rest", n)
		}
	}
	if b.Out() != 0 {
		t.Errorf("%d places are taken", b.Out())
	}
}
