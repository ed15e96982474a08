package main

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestFleetLostInTrial: whatever is lost while the trial after a window is out, the next
// one comes a whole window later.
func TestFleetLostInTrial(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		lose func(c *crowd, leader *sidecar)
	}{
		{"FLUSHALL", func(c *crowd, _ *sidecar) { c.redis.Do(c.t, "FLUSHALL") }},
		{"Redis restarted empty", func(c *crowd, _ *sidecar) { c.redis.Stop(c.t); c.redis.Start(c.t) }},
		{"leader stopped", func(c *crowd, leader *sidecar) { leader.command.Process.Signal(syscall.SIGSTOP) }},
		{"leader and Redis lost", func(c *crowd, leader *sidecar) { leader.kill(); c.redis.Do(c.t, "FLUSHALL") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			loseInTrial(t, c.lose)
		})
	}
}

func loseInTrial(t *testing.T, lose func(c *crowd, leader *sidecar)) {
	const window = 15 * time.Second
	c := startCrowd(t, window, poolersim.Script{OnStartup: poolersim.CircuitBreaker}, "SIDECAR_PROBE_TIMEOUT=20s")
	c.await(machine.Lockout, 20*time.Second)
	c.logins(1)
	at := c.leader(5 * time.Second)
	leader := c.all[at]
	c.pooler.Set(poolersim.Script{OnStartup: poolersim.Hang})
	realpeer.Until(t, 40*time.Second, "the trial", func() error {
		if n := c.pooler.Counts().Startups; n != 2 {
			return fmt.Errorf("%d logins", n)
		}
		return nil
	})
	trial, seen := c.lastSocket(), c.clock()+2000
	realpeer.Until(t, 10*time.Second, "a look of each", func() error {
		if now := c.clock(); now < seen {
			return fmt.Errorf("not yet")
		}
		return nil
	})
	c.remove(at) // it is the last to know
	lose(c, leader)
	c.pooler.Set(poolersim.Script{})
	c.await(machine.Lockout, 20*time.Second)
	c.await(machine.Ready, 60*time.Second)
	if leader.command.ProcessState == nil { // it lives
		leader.command.Process.Signal(syscall.SIGCONT)
		leader.await(machine.Ready, 40*time.Second)
	}
	for _, e := range c.pooler.Events() {
		if apart := e.At.Sub(trial); e.Kind == poolersim.Socket && apart > 0 && apart < window-time.Second {
			t.Errorf("a socket %s after the trial", apart)
		}
	}
}

// clock is what the fleet's clock showed at the last look, in ms.
func (c *crowd) clock() int64 {
	ms, _ := strconv.ParseInt(c.redis.Do(c.t, "HGET", "sidecar:{"+c.all[0].status().Key+"}", "last"), 10, 64)
	return ms
}

// TestFleetFailover: when the server is lost in a window, and sentinels promote its
// replica, the window stays, and no login is made in it.
func TestFleetFailover(t *testing.T) {
	t.Parallel()
	primary := realpeer.StartRedis(t, realpeer.RedisConfig{Password: redisWord})
	replica := realpeer.StartReplica(t, primary)
	sentinel := realpeer.StartSentinel(t, "main", "", primary)
	c := startCrowd(t, 25*time.Second, poolersim.Script{OnStartup: poolersim.CircuitBreaker},
		"SIDECAR_STATE=redis+sentinel://:"+redisWord+"@"+sentinel.Address()+"/main")
	c.await(machine.Lockout, 20*time.Second)
	end := c.windowEnd()
	primary.Stop(t)
	c.all[0].awaitLine("redis+sentinel://" + sentinel.Address() + "/main: ")
	for _, s := range c.all {
		realpeer.Until(t, 20*time.Second, "store_healthy 1", func() error {
			if status := s.status(); !status.Store.Healthy || !replica.Writable() {
				return fmt.Errorf("%+v", status.Store)
			}
			return nil
		})
		if strings.Contains(s.lines(), "h0rse") {
			t.Error("the password of Redis is told")
		}
	}
	if after := c.windowEnd(); after.Before(end.Add(-time.Second)) {
		t.Errorf("the window ends at %s, and ended at %s before", after, end)
	}
	c.logins(1)
	c.pooler.Set(poolersim.Script{})
	c.trial(end)
}

// TestFleetCredentials: a member whose password is wrong is rejected, and holds nobody;
// one that speaks for another database is of another fleet.
func TestFleetCredentials(t *testing.T) {
	t.Parallel()
	redis := realpeer.StartRedis(t, realpeer.RedisConfig{})
	script := poolersim.Script{Auth: poolersim.MD5, Password: "right-pw-4711"}
	pooler, other := listen(t, script), listen(t, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	state := "SIDECAR_STATE=" + redis.URL("", "").String()
	wrong := startSidecar(t, state, "DATABASE_URL="+pooler.DSN("app", "wrong-pw-4711", "appdb"))
	wrong.await(machine.Rejected, 20*time.Second)
	right := startSidecar(t, state, "DATABASE_URL="+pooler.DSN("app", "right-pw-4711", "appdb"))
	apart := startSidecar(t, state, "DATABASE_URL="+other.DSN("app", "right-pw-4711", "appdb"))
	right.await(machine.Ready, 30*time.Second)
	apart.await(machine.Lockout, 20*time.Second)
	if f := apart.status().Fleet; f.Members != 1 || f.Role != "leader" {
		t.Errorf("%+v", f)
	}
	realpeer.Until(t, 30*time.Second, "the rejected one gives way", func() error {
		if f := right.status().Fleet; f.Members != 2 || f.Role != "leader" {
			return fmt.Errorf("%+v", f)
		}
		return nil
	})
	wrong.await(machine.Rejected, 5*time.Second)
	if n := pooler.Counts().Passwords; n > 5 {
		t.Errorf("%d logins", n)
	}
}
