package store

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestSentinel: the server that the sentinels name is asked; when it is gone, the one
// that takes its place, with the window that it has copied.
func TestSentinel(t *testing.T) {
	t.Parallel()
	primary := realpeer.StartRedis(t, realpeer.RedisConfig{Password: redisPassword})
	replica := realpeer.StartReplica(t, primary)
	open := realpeer.StartSentinel(t, "main", "", primary)
	locked := realpeer.StartSentinel(t, "main", redisPassword, primary)
	dead := realpeer.StartRedis(t, realpeer.RedisConfig{})
	dead.Stop(t)
	at := func(path, password string, hosts ...string) *url.URL {
		return &url.URL{Scheme: "redis+sentinel", User: url.UserPassword("", password), Host: strings.Join(hosts, ","), Path: path}
	}
	for _, c := range []struct {
		name string
		at   *url.URL
		says string // empty: it works
	}{
		{"open", at("/main", redisPassword, open.Address()), ""},
		{"database", at("/main/1", redisPassword, open.Address()), ""},
		{"with a password", at("/main", redisPassword, locked.Address()), ""},
		{"the first is dead", at("/main", redisPassword, dead.Address(), locked.Address()), ""},
		{"all are dead", at("/main", redisPassword, dead.Address()), "the sentinel " + dead.Address() + ": dial: connect: connection refused"},
		{"another name", at("/other", redisPassword, open.Address()), "it knows no group other"},
		{"a server is no sentinel", at("/main", redisPassword, primary.Address()), "it is no sentinel"},
		{"wrong password", at("/main", "wr0ng-pass-word", open.Address()), "the server " + primary.Address() + " that the sentinel names: wrong user or password"},
		{"wrong password of the sentinel", at("/main", "wr0ng-pass-word", locked.Address()), "the sentinel " + locked.Address() + ": wrong user or password"},
	} {
		err := lookOnce(t, c.at)
		if (err == nil) != (c.says == "") || err != nil && (!strings.Contains(err.Error(), c.says) || strings.ContainsAny(err.Error(), "\n")) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "h0rse") || strings.Contains(err.Error(), "wr0ng")) {
			t.Errorf("%s: the password is in %q", c.name, err)
		}
		t.Logf("%s: %v", c.name, err)
	}

	r := NewRedis(at("/main", redisPassword, open.Address(), locked.Address()))
	defer r.Close()
	room := Room{Key: "k"}
	look := func(w machine.Window, c Clock) (Answer, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		return r.Look(ctx, room, Look{Member: "m", Tag: "m", For: time.Minute, Salt: []byte("salt"), Window: w, Clock: c})
	}
	a, err := look(machine.Window{}, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	if _, err = look(machine.Window{Key: "k", Trigger: machine.TriggerCircuitBreaker, Opened: now, Until: now.Add(time.Hour), InRow: 1}, a.Clock); err != nil {
		t.Fatal(err)
	}
	primary.Do(t, "WAIT", "1", "2000")
	primary.Stop(t)
	began := time.Now()
	realpeer.Until(t, 30*time.Second, "an answer with the window", func() error {
		a, err := look(machine.Window{}, Clock{})
		if err == nil && len(a.Record.Windows) != 1 {
			t.Fatalf("%+v", a.Record)
		}
		return err
	})
	t.Logf("an answer of the other server after %s", time.Since(began))
	if !replica.Writable() {
		t.Error("whose answer was that?")
	}
}

// TestDemoted: a connection to a server that has become a replica is not used again.
func TestDemoted(t *testing.T) {
	t.Parallel()
	server := realpeer.StartRedis(t, realpeer.RedisConfig{})
	r := NewRedis(server.URL("", ""))
	defer r.Close()
	dials, dial := 0, r.dial
	r.dial = func(ctx context.Context) (redis.Conn, error) { dials++; return dial(ctx) }
	look := func() error {
		_, err := r.Look(t.Context(), Room{Key: "k"}, Look{Member: "m", Tag: "m", For: time.Minute, Salt: []byte("salt")})
		return err
	}
	for _, c := range []struct {
		of, says string
		dials    int
	}{
		{"NO ONE", "", 1}, {"NO ONE", "", 1}, {realpeer.Host + " 1", "it is a replica", 2}, {"NO ONE", "", 3},
	} {
		server.Do(t, append([]string{"REPLICAOF"}, strings.Fields(c.of)...)...)
		err := look()
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) || dials != c.dials {
			t.Errorf("replica of %s: %v, %d connections", c.of, err, dials)
		}
	}
}
