package proxy

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/proxy/budget"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// guarded is a simulated pooler with Supavisor's breaker, and when the wrong
// passwords came to it.
type guarded struct {
	*poolersim.Server
	breaker *poolersim.Breaker
	mu      sync.Mutex
	wrong   []time.Time
}

func newGuarded(t testing.TB) *guarded {
	g := &guarded{Server: upstream(t), breaker: &poolersim.Breaker{Failures: 10, Within: 150 * time.Second, Quiet: 2 * time.Minute}}
	g.accept("right")
	return g
}

// accept makes a password the right one, for the connections that come from now on.
func (g *guarded) accept(password string) {
	g.Set(g.breaker.Guard(poolersim.Script{Auth: poolersim.SCRAM, Password: password, OnWrong: poolersim.Call(g.note)}))
}

// worst is the most wrong passwords in any 150 s.
func (g *guarded) worst() (most int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, first := range g.wrong {
		n := 0
		for _, at := range g.wrong[i:] {
			if at.Sub(first) < budget.Window {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// note takes a wrong password.
func (g *guarded) note() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wrong = append(g.wrong, time.Now())
}

// fleet is apps that log in again and again, each from an address of its own, until
// stop is closed; it returns how often each got in.
func fleet(r *rig, first, apps int, every time.Duration, password string, stop <-chan struct{}) (in []atomic.Int64, done *sync.WaitGroup) {
	in, done = make([]atomic.Int64, apps), new(sync.WaitGroup)
	for i := range apps {
		done.Go(func() {
			for {
				conn, err := r.login(first+i, r.dsn("app", password, realpeer.Database, "sslmode=disable"), "SELECT 1")
				if err == nil {
					in[i].Add(1)
				}
				bye(conn)
				select {
				case <-stop:
					return
				case <-time.After(every):
				}
			}
		})
	}
	return in, done
}

// TestWrongFleet: 200 apps with a wrong password, beside five that have the right
// one and were in before: the breaker is never tripped, and the five get in all the
// time.
func TestWrongFleet(t *testing.T) {
	pooler := newGuarded(t)
	r := newRig(t, pooler.Addr())
	length := 5 * time.Second
	if soak() {
		length = time.Minute
	}
	stop := make(chan struct{})
	right, rightDone := fleet(r, 1000, 5, 500*time.Millisecond, "right", stop)
	until(t, "the right ones are in", func() bool { return gotIn(right) == 5 })
	_, wrongDone := fleet(r, 1, 200, time.Second, "wrong", stop)
	until(t, "those that were refused are held", func() bool { return len(r.Status().Held) == budget.Places-1 })
	held := r.Status().Held[0].Client
	time.Sleep(length)
	close(stop)
	wrongDone.Wait()
	rightDone.Wait()
	if got := pooler.worst(); got > budget.Places || got < budget.Places-1 {
		t.Errorf("%d refused logins in 150s", got)
	}
	if !pooler.breaker.Until().IsZero() {
		t.Error("the breaker was tripped")
	}
	for i := range right {
		if got, want := right[i].Load(), int64(length/(500*time.Millisecond))/2; got < want {
			t.Errorf("right app %d got in %d times, want %d", i, got, want)
		}
	}
	if r.hurries.Load() == 0 {
		t.Error("the next probe was not brought forward")
	}
	s := r.Status()
	if s.Refused != uint64(pooler.worst()) || s.Results["budget"] == 0 || s.Results["held"] == 0 {
		t.Errorf("%+v", s)
	}
	if log := r.log.String(); !strings.Contains(log, "a login from "+held+" was refused") || strings.Contains(log, "wrong") {
		t.Errorf("log: %s", log)
	}
	t.Logf("in %v: %d refused logins at the pooler, %d connections told so; the right apps got in %d times",
		length, pooler.worst(), s.Results["budget"]+s.Results["held"], total(right))
}

func gotIn(in []atomic.Int64) (n int) {
	for i := range in {
		if in[i].Load() > 0 {
			n++
		}
	}
	return n
}

func total(in []atomic.Int64) (n int64) {
	for i := range in {
		n += in[i].Load()
	}
	return n
}

// TestRotationOfGoodApps: the password changes underneath 200 apps that were all in.
func TestRotationOfGoodApps(t *testing.T) {
	pooler := newGuarded(t)
	r := newRig(t, pooler.Addr())
	stop := make(chan struct{})
	in, done := fleet(r, 1, 200, 500*time.Millisecond, "right", stop)
	until(t, "all are in", func() bool { return gotIn(in) == 200 })
	pooler.accept("rotated")
	time.Sleep(3 * time.Second)
	close(stop)
	done.Wait()
	if got := pooler.worst(); got > budget.Places || !pooler.breaker.Until().IsZero() {
		t.Errorf("%d refused logins in 150s", got)
	}
}

// TestOneWrongAppAmongGoodOnes: it costs a place at a time, and newcomers get in.
func TestOneWrongAppAmongGoodOnes(t *testing.T) {
	pooler := newGuarded(t)
	r := newRig(t, pooler.Addr())
	stop := make(chan struct{})
	var wrong []*sync.WaitGroup
	for range 20 { // a pool of one address
		_, done := fleet(r, 1, 1, 100*time.Millisecond, "wrong", stop)
		wrong = append(wrong, done)
	}
	until(t, "a refused login", func() bool { return r.Status().Refused > 0 })
	right, rightDone := fleet(r, 100, 50, time.Second, "right", stop)
	until(t, "the newcomers are in", func() bool { return gotIn(right) == 50 })
	close(stop)
	for _, done := range append(wrong, rightDone) {
		done.Wait()
	}
	if got := pooler.worst(); got != 1 {
		t.Errorf("%d refused logins of one app within seconds", got)
	}
}

// TestForgiven: an outage of everybody's password, the sidecar's own too, is over, and
// so is what was refused in it. Not before a shared pooler, which goes on counting.
func TestForgiven(t *testing.T) {
	for _, shared := range []bool{false, true} {
		r := newRig(t, upstream(t).Addr())
		r.shared.Store(shared)
		r.verdict(machine.Ready, machine.ReasonOK, "")
		if _, err := r.login(1, r.dsn("app", "wrong", "db", "sslmode=disable"), ""); err == nil {
			t.Fatal("got in")
		}
		held := func(want int) func() bool { return func() bool { return len(r.Status().Held) == want } }
		until(t, "the hold", held(1))
		time.Sleep(2 * watchEvery) // seen as ready
		r.verdict(machine.Rejected, machine.ReasonAuthFailed, "")
		time.Sleep(2 * watchEvery)
		r.verdict(machine.Ready, machine.ReasonOK, "")
		if shared {
			time.Sleep(3 * watchEvery)
			if !held(1)() {
				t.Error("forgiven before a shared pooler")
			}
		} else {
			until(t, "the pardon", held(0))
		}
	}
}
