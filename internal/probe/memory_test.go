package probe

import (
	"context"
	"math/rand/v2"
	"os"
	"sync"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// behindMemory waits until the sidecar is ready again behind a pooler that remembers
// its last login, and then for some part of an interval. Up to three other clients
// knock once a second until stop is called. Times are drawn evenly, which rapid's own
// are not.
func (m *model) behindMemory(t *rapid.T) (memory *poolersim.Memory, length time.Duration, stop func()) {
	chance := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "chance"), 0))
	memory = &poolersim.Memory{AtLogin: chance.IntN(4) == 0, Named: chance.IntN(2) == 0}
	clients, length := chance.IntN(4), time.Duration(chance.Int64N(int64(45*time.Second)))
	t.Logf("%d clients, at login %t, named %t, %s", clients, memory.AtLogin, memory.Named, length)
	m.pooler.Set(memory.Guard(poolersim.Script{}))
	for patience := machine.DefaultPolicy().Longest() / time.Minute; !m.supervisor.Snapshot().Ready(); patience-- {
		if patience < 0 {
			t.Fatalf("not ready: %+v", m.supervisor.Snapshot().Status)
		}
		time.Sleep(time.Minute)
	}
	m.check(t)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for range clients {
		phase := time.Duration(chance.Int64N(int64(time.Second)))
		all.Go(func() {
			for pause := phase; ; pause = time.Second {
				select {
				case <-time.After(pause):
					memory.Knock()
				case <-ctx.Done():
					return
				}
			}
		})
	}
	time.Sleep(time.Duration(chance.Int64N(int64(30 * time.Second))))
	return memory, length, func() { cancel(); all.Wait() }
}

// since is the part of the history that came after a time.
func (m *model) since(begun time.Time) (entries []machine.Entry) {
	synctest.Wait()
	for _, e := range m.supervisor.Snapshot().History {
		if e.At.After(begun) {
			entries = append(entries, e)
		}
	}
	return entries
}

// away lets the database be away for up to 45 s: no window, and readiness is away no
// more than 30 s longer (invariant 8).
func (m *model) away(t *rapid.T) {
	memory, length, stop := m.behindMemory(t)
	defer stop()
	const more = 30 * time.Second
	begun := time.Now()
	memory.Fail("connect failed")
	time.Sleep(length)
	memory.Mend()
	time.Sleep(2 * time.Minute)
	var lost time.Time
	for _, e := range m.since(begun) {
		switch {
		case e.To == machine.Lockout:
			t.Fatalf("a window for a database that was away for %s: %+v", length, m.since(begun))
		case e.From == machine.Ready:
			lost = e.At
		case e.To == machine.Ready && !lost.IsZero() && e.At.Sub(lost) > length+more:
			t.Fatalf("not ready for %s, for a database that was away for %s: %+v", e.At.Sub(lost), length, m.since(begun))
		}
	}
	if !m.supervisor.Snapshot().Ready() {
		t.Fatalf("not ready again: %+v", m.supervisor.Snapshot().Status)
	}
}

// refused lets the database refuse the credential from now on: a window within a
// minute or so of the first answer, and nothing inside it.
func (m *model) refused(t *rapid.T) {
	memory, _, stop := m.behindMemory(t)
	defer stop()
	begun := time.Now()
	memory.Fail(`password authentication failed for user "app"`)
	var first, opened time.Time
	time.Sleep(30*time.Second + 75*time.Second)
	m.check(t) // which notes the window
	time.Sleep(time.Minute)
	for _, e := range m.since(begun) {
		switch {
		case e.To == machine.Lockout:
			opened = e.At
		case e.Reason == machine.ReasonLockout && first.IsZero():
			first = e.At
		}
	}
	if after := opened.Sub(first); first.IsZero() || after < 0 || after > 70*time.Second || memory.Named && after > 30*time.Second {
		t.Fatalf("a window %s after the first answer: %+v", after, m.since(begun))
	}
	memory.Mend()
	m.check(t)
}

// soak is how much longer a test runs under make soak.
func soak(short, long int) int {
	if os.Getenv("SOAK") != "" {
		return long
	}
	return short
}
