package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestFleetTells: of two sidecars the leader tells people. It is killed in the window:
// the next one repeats nothing, and tells the end, once.
func TestFleetTells(t *testing.T) {
	t.Parallel()
	chat, roots := newChat(t, false)
	redis := realpeer.StartRedis(t, realpeer.RedisConfig{})
	pooler := listen(t, poolersim.Script{})
	env := []string{
		"DATABASE_URL=" + pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_STATE=" + redis.URL("", "").String(),
		"SIDECAR_NOTIFY_URL=" + chat.URL + notifyPath, "SIDECAR_NOTIFY_SECRET=signing-key-9", "SSL_CERT_FILE=" + roots,
		"SIDECAR_PROBE_INTERVAL=200ms", "SIDECAR_LOCKOUT_MIN=25s", "SIDECAR_LOCKOUT_MAX=25s",
	}
	c := &crowd{t: t, redis: redis, pooler: pooler}
	for range 2 { // as on two machines: nothing but Redis is shared
		c.all = append(c.all, startSidecar(t, append(env, "TMPDIR="+t.TempDir())...))
	}
	c.await(machine.Ready, 20*time.Second)
	pooler.Set(poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	c.await(machine.Lockout, 10*time.Second)
	chat.await(t, 1)
	leader := c.leader(5 * time.Second)
	room := "sidecar:{" + c.all[leader].status().Key + "}"
	realpeer.Until(t, 5*time.Second, "what was told in Redis", func() error {
		const find = "return string.find(redis.call('HGET', KEYS[1], 'record'), '\"lockout circuit_breaker\"', 1, true) or 0"
		if at := redis.Do(t, "EVAL", find, "1", room); at == ":0" {
			return errors.New("not there")
		}
		return nil
	})
	c.all[leader].kill()
	c.remove(leader)
	c.leader(15 * time.Second)
	c.windowEnd()
	pooler.Set(poolersim.Script{})
	c.await(machine.Ready, 40*time.Second)
	said := chat.await(t, 2)
	last := c.all[0]
	last.awaitLine("notification sent")
	if last.stop(); len(chat.events()) != 2 || said[0] != "lockout" || !strings.HasPrefix(said[1], "[dev] READY again after ") {
		t.Errorf("said %q", chat.events())
	}
	t.Log(said)
}
