package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/store"
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

// TestFleetCommands: a window of a fleet is shown and cleared, and a ban lifted, by
// whoever has the fleet's SIDECAR_STATE and DATABASE_URL; everybody heeds it.
func TestFleetCommands(t *testing.T) {
	t.Parallel()
	redis := realpeer.StartRedis(t, realpeer.RedisConfig{})
	pooler := listen(t, poolersim.Script{})
	key := dsn.Judge(pooler.DSN("app", "pw-of-app", "appdb"), dsn.Rules{}, time.Now()).DSN.Key()
	env := []string{"DATABASE_URL=" + pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_STATE=" + redis.URL("", "").String()}
	member := store.NewRedis(redis.URL("", ""))
	defer member.Close()
	look := store.Look{Member: "gone", Tag: "gone", Salt: []byte("0123456789abcdef")}
	a, err := member.Look(t.Context(), store.Room{Key: key}, look)
	if err != nil {
		t.Fatal(err)
	}
	open := func(trigger machine.Trigger) {
		t.Helper()
		at := time.Now().UTC()
		look.Clock, look.Window = a.Clock, machine.Window{Key: key, Trigger: trigger, Opened: at, Until: at.Add(14 * time.Minute), InRow: 1}
		if _, err := member.Look(t.Context(), store.Room{Key: key}, look); err != nil {
			t.Fatal(err)
		}
	}
	open(machine.TriggerCircuitBreaker)
	c := &crowd{t: t, redis: redis, pooler: pooler}
	for range 2 {
		c.all = append(c.all, startSidecar(t, env...))
	}
	c.await(machine.Lockout, 20*time.Second)
	c.leader(20 * time.Second)
	run := func(line, want string) {
		t.Helper()
		command := exec.Command(os.Args[0], strings.Fields(line)...)
		command.Env = append([]string{beSidecar + "=1"}, env...)
		if out, err := command.CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
	run("state show", "WINDOW: circuit_breaker, key "+key)
	lift := func() {
		t.Helper()
		words := tell(t.Context(), config.Config{State: redis.URL("", "").String()}, machine.Lift{Key: key, At: time.Now().UTC()})
		if !strings.HasPrefix(words, "A running sidecar takes it up within seconds") {
			t.Error(words)
		}
	}
	lift() // of a window that is no ban's
	for _, s := range c.all {
		s.awaitLine("a ban was lifted by hand; what it says counts")
	}
	c.await(machine.Lockout, 0)
	c.logins(0)
	run("state clear --yes", "Cleared. A running sidecar takes it up within seconds")
	c.await(machine.Ready, 10*time.Second)
	run("state show", "No window and no hold is stored.")
	open(machine.TriggerNetworkBan)
	c.await(machine.Lockout, 10*time.Second)
	logins := c.pooler.Counts().Sockets
	lift()
	c.await(machine.Ready, 10*time.Second)
	c.logins(logins + 1)
	open(machine.TriggerNetworkBan) // another one, after the lift
	c.await(machine.Lockout, 10*time.Second)
}
