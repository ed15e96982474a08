package main

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// crowd is several sidecars on one Redis and one pooler.
type crowd struct {
	t      *testing.T
	redis  *realpeer.Redis
	pooler *poolersim.Server
	all    []*sidecar
}

const crowdSize = 8

// startCrowd starts them at the same time. Their windows last for so long.
func startCrowd(t *testing.T, window time.Duration, script poolersim.Script, env ...string) *crowd {
	t.Helper()
	c := &crowd{t: t, redis: realpeer.StartRedis(t, realpeer.RedisConfig{}), pooler: listen(t, script)}
	env = append([]string{
		"DATABASE_URL=" + c.pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_STATE=" + c.redis.URL("", "").String(),
		"SIDECAR_LOCKOUT_MIN=" + window.String(), "SIDECAR_LOCKOUT_MAX=" + (window + window/10).String(),
	}, env...)
	c.all = make([]*sidecar, crowdSize)
	var starting sync.WaitGroup
	for i := range c.all {
		starting.Go(func() { c.all[i] = startSidecar(t, env...) })
	}
	starting.Wait()
	return c
}

// await waits until all of them are in the state.
func (c *crowd) await(state machine.State, within time.Duration) {
	c.t.Helper()
	for _, s := range c.all {
		s.await(state, within)
	}
}

// leader waits for one leader among them and returns its place.
func (c *crowd) leader(within time.Duration) int {
	c.t.Helper()
	at := -1
	realpeer.Until(c.t, within, "one leader", func() error {
		leads, said := 0, make(map[string]bool)
		for i, s := range c.all {
			f := s.status().Fleet
			if f == nil {
				return fmt.Errorf("no fleet in /status")
			}
			if said[f.Leader] = true; f.Role == "leader" {
				leads++
				at = i
			}
		}
		if leads != 1 || len(said) != 1 {
			return fmt.Errorf("%d leaders, %v", leads, said)
		}
		return nil
	})
	return at
}

// remove takes one of them out, which was killed.
func (c *crowd) remove(i int) { c.all = append(c.all[:i:i], c.all[i+1:]...) }

// logins waits until the pooler has counted so many, and fails if it counts more.
func (c *crowd) logins(want int) {
	c.t.Helper()
	if n := c.pooler.Counts().Sockets; n != want {
		c.t.Errorf("%d sockets at the pooler, want %d", n, want)
	}
}

// lastSocket is when the last connection was made.
func (c *crowd) lastSocket() (last time.Time) {
	for _, e := range c.pooler.Events() {
		if e.Kind == poolersim.Socket {
			last = e.At
		}
	}
	return last
}

// windowEnd is when the window that all of them show is over; they may not differ by more
// than their clocks can be measured.
func (c *crowd) windowEnd() time.Time {
	c.t.Helper()
	var end time.Time
	for _, s := range c.all {
		status := s.await(machine.Lockout, 5*time.Second)
		if !end.IsZero() && status.RetryAt.Sub(end).Abs() > 1100*time.Millisecond {
			c.t.Errorf("ends at %s and %s", end, status.RetryAt)
		}
		if status.RetryAt.After(end) {
			end = *status.RetryAt
		}
	}
	return end
}

// TestFleet: of eight sidecars one asks. One login opens the window of all, none is
// made in it, and one ends it; the leader is killed meanwhile.
func TestFleet(t *testing.T) {
	t.Parallel()
	c := startCrowd(t, 20*time.Second, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	c.await(machine.Lockout, 15*time.Second)
	c.logins(1)
	end := c.windowEnd()
	leader := c.leader(5 * time.Second)
	if f := c.all[leader].status().Fleet; f.Members != crowdSize {
		t.Errorf("%+v", f)
	}
	c.all[leader].kill()
	c.remove(leader)
	killed := time.Now()
	c.leader(15 * time.Second)
	t.Logf("replaced after %s", time.Since(killed))
	c.windowEnd()
	c.logins(1)
	c.pooler.Set(poolersim.Script{})
	if early := time.Until(end); early < 0 {
		t.Fatalf("the window was over %s ago", -early)
	}
	c.trial(end)
}

// trial waits for the one login after a window: nobody has made it before the end.
func (c *crowd) trial(end time.Time) {
	c.t.Helper()
	c.await(machine.Ready, time.Until(end)+15*time.Second)
	c.logins(2)
	if at := c.lastSocket(); at.Before(end.Add(-1100 * time.Millisecond)) {
		c.t.Errorf("the trial came %s before the end", end.Sub(at))
	}
}

// TestFleetFollows: a verdict of the leader is everybody's within a second or so.
func TestFleetFollows(t *testing.T) {
	t.Parallel()
	c := startCrowd(t, time.Minute, poolersim.Script{}, "SIDECAR_PROBE_INTERVAL=200ms")
	c.await(machine.Ready, 15*time.Second)
	c.pooler.Set(poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	leader := c.leader(5 * time.Second)
	c.all[leader].await(machine.Lockout, 5*time.Second)
	began := time.Now()
	c.await(machine.Lockout, 5*time.Second)
	took := time.Since(began)
	t.Logf("everybody knows after %s", took)
	if took > 3*time.Second {
		t.Errorf("the last follower knows after %s", took)
	}
	sockets := c.pooler.Counts().Sockets
	c.redis.Do(t, "FLUSHALL")
	realpeer.Until(t, 5*time.Second, "the window in Redis again", func() error {
		if c.redis.Do(t, "HEXISTS", "sidecar:{"+c.all[0].status().Key+"}", "window") != ":1" {
			return fmt.Errorf("not there")
		}
		return nil
	})
	c.windowEnd()
	c.redis.Stop(t)
	for _, s := range c.all {
		realpeer.Until(t, 10*time.Second, "store_healthy 0", func() error {
			if status := s.status(); status.Store.Healthy || status.State != "lockout" {
				return fmt.Errorf("%s, %+v", status.State, status.Store)
			}
			return nil
		})
	}
	c.redis.Start(t)
	c.leader(15 * time.Second)
	c.windowEnd()
	c.logins(sockets)
}

// TestFleetPaused: a leader that stands still for longer than its lease makes no
// attempt when it goes on, and what it was about to find is dropped.
func TestFleetPaused(t *testing.T) {
	t.Parallel()
	c := startCrowd(t, 4*time.Second, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	c.await(machine.Lockout, 15*time.Second)
	c.logins(1)
	leader := c.leader(5 * time.Second)
	paused := c.all[leader]
	paused.command.Process.Signal(syscall.SIGSTOP)
	c.remove(leader)
	c.pooler.Set(poolersim.Script{})
	c.await(machine.Ready, 30*time.Second)
	sockets := c.pooler.Counts().Sockets
	paused.command.Process.Signal(syscall.SIGCONT)
	status := paused.await(machine.Ready, 10*time.Second)
	if status.Fleet.Role != "follower" || sockets != 2 {
		t.Errorf("%+v, %d sockets", status.Fleet, sockets)
	}
	c.logins(sockets)
}

// TestFleetTrialKilled: a leader that is killed in the trial after a window leaves a
// trial that counts as one that met the next.
func TestFleetTrialKilled(t *testing.T) {
	t.Parallel()
	c := startCrowd(t, 15*time.Second, poolersim.Script{OnStartup: poolersim.CircuitBreaker}, "SIDECAR_PROBE_TIMEOUT=30s")
	c.await(machine.Lockout, 15*time.Second)
	leader := c.leader(5 * time.Second)
	c.pooler.Set(poolersim.Script{OnStartup: poolersim.Hang})
	realpeer.Until(t, 30*time.Second, "the trial", func() error {
		if n := c.pooler.Counts().Startups; n != 2 {
			return fmt.Errorf("%d logins", n)
		}
		return nil
	})
	trial := time.Now()
	c.all[leader].kill()
	c.remove(leader)
	c.pooler.Set(poolersim.Script{})
	c.leader(15 * time.Second)
	c.await(machine.Ready, 45*time.Second)
	c.logins(3)
	if apart := c.lastSocket().Sub(trial); apart < 14*time.Second {
		t.Errorf("the next trial came %s after the one before", apart)
	}
}
