package store

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

const redisPassword = "c0rrect-h0rse"

// lookOnce makes a member's look, which needs every command.
func lookOnce(t *testing.T, u *url.URL) error {
	t.Helper()
	r := NewRedis(u)
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := r.Look(ctx, Room{Key: "k"}, Look{Member: "m", Tag: "m", Wants: true, For: time.Second, Salt: []byte("salt")})
	return err
}

// TestRedisFaults: each fault is one clear line, and no line holds the password.
func TestRedisFaults(t *testing.T) {
	t.Parallel()
	locked := realpeer.StartRedis(t, realpeer.RedisConfig{Password: redisPassword, Users: []string{
		"watcher on >" + redisPassword + " ~sidecar:* +@all -eval -evalsha",
		"member on >" + redisPassword + " ~sidecar:* -@all +@hash +@sortedset +@scripting +time +pexpire",
	}})
	open := realpeer.StartRedis(t, realpeer.RedisConfig{})
	frozen := realpeer.StartRedis(t, realpeer.RedisConfig{})
	frozen.Signal(t, syscall.SIGSTOP)
	dead := realpeer.StartRedis(t, realpeer.RedisConfig{})
	dead.Stop(t)
	evicting := realpeer.StartRedis(t, realpeer.RedisConfig{Settings: map[string]string{"maxmemory-policy": "allkeys-lru"}})
	replica := realpeer.StartRedis(t, realpeer.RedisConfig{Settings: map[string]string{"replicaof": "127.0.0.1 1"}})
	ca := realpeer.NewCA(t)
	secure := realpeer.StartRedis(t, realpeer.RedisConfig{TLS: ca.Issue(t, "127.0.0.1")})
	plain := secure.URL("", "")
	plain.Scheme = "redis"
	for _, c := range []struct {
		name string
		at   *url.URL
		says string // empty: it works
	}{
		{"works", open.URL("", ""), ""},
		{"right password", locked.URL("", redisPassword), ""},
		{"user with the least rights", locked.URL("member", redisPassword), ""},
		{"wrong password", locked.URL("", "wr0ng-pass-word"), "wrong user or password"},
		{"no password", locked.URL("", ""), "it wants a password"},
		{"no right", locked.URL("watcher", redisPassword), "may not run what is needed"},
		{"frozen", frozen.URL("", ""), "it does not answer in time"},
		{"dead", dead.URL("", ""), "connection refused"},
		{"replica", replica.URL("", ""), "it is a replica"},
		{"unknown authority", secure.URL("", ""), "certificate"},
		{"plain to TLS", plain, "it closed the connection"},
		{"evicting", evicting.URL("", ""), ""},
	} {
		err := lookOnce(t, c.at)
		switch {
		case err == nil && c.says == "":
		case err == nil || c.says == "" || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "h0rse") || strings.Contains(err.Error(), "wr0ng")) {
			t.Errorf("%s: the password is in %q", c.name, err)
		}
		t.Logf("%s: %v", c.name, err)
	}
	r := NewRedis(evicting.URL("", ""))
	defer r.Close()
	if _, err := r.Read(t.Context(), Room{Key: "k"}); err != nil || !strings.Contains(r.Warning(), "allkeys-lru") {
		t.Errorf("%v, %q", err, r.Warning())
	}
}

// TestRefusals: a refusal in a script, as versions 5 to 7 put it, is said as one that is not.
func TestRefusals(t *testing.T) {
	for text, word := range map[string]string{
		"WRONGPASS invalid username-password pair or user is disabled.":                                                        "WRONGPASS",
		"ERR The user executing the script can't run this command or subcommand script: 9f2c, on @user_script:9.":              "NOPERM",
		"NOPERM The user executing the script can't run this command or subcommand":                                            "NOPERM",
		"ERR Error running script (call to f_9f2c): @user_script:7: @user_script: 7: -READONLY You can't write against a read": "READONLY",
		"ERR Error running script (call to f_9f2c): @user_script:7: @user_script: 7: -OOM command not allowed when used":       "OOM",
		"READONLY You can't write against a read only replica. script: 9f2c, on @user_script:9.":                               "READONLY",
		"ERR value - not an integer": "ERR",
	} {
		if got := refusalWord(redis.Error(text)); got != word {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// TestShared: what a member has written a command can read, and clear; what opened
// after the question stays.
func TestShared(t *testing.T) {
	t.Parallel()
	server := realpeer.StartRedis(t, realpeer.RedisConfig{})
	r := NewRedis(server.URL("", ""))
	defer r.Close()
	room := Room{Key: "k"}
	ctx := t.Context()
	look := func(w machine.Window, c Clock) Answer {
		a, err := r.Look(ctx, room, Look{Member: "m", Tag: "m", Wants: true, For: time.Minute, Salt: []byte("salt"), Window: w, Clock: c})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := look(machine.Window{}, Clock{})
	opened := time.Now().Add(-time.Minute)
	window := machine.Window{Key: "k", Trigger: machine.TriggerCircuitBreaker, Opened: opened.UTC(), Until: opened.Add(time.Hour).UTC(), InRow: 1}
	a = look(window, a.Clock)
	if n := server.Do(t, "PTTL", "sidecar:{k}"); n != ":-1" {
		t.Errorf("an open window ends by itself: %s", n)
	}
	s := OpenShared(r, "k")
	record, _, err := s.Load(ctx)
	if err != nil || len(record.Windows) != 1 || record.Windows[0].Until.Sub(window.Until).Abs() > 50*time.Millisecond || string(s.Salt()) != "salt" {
		t.Fatalf("%v, %+v", err, record)
	}
	if err := s.Clear(ctx, opened.Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	if record, _, _ = s.Load(ctx); len(record.Windows) != 1 {
		t.Errorf("what opened after the question is gone")
	}
	if err := s.Clear(ctx, time.Now()); err != nil {
		t.Fatal(err)
	}
	if record, _, _ = s.Load(ctx); len(record.Windows) != 0 || record.Cleared.IsZero() {
		t.Errorf("%+v", record)
	}
	if a = look(window, a.Clock); len(a.Record.Windows) != 0 {
		t.Error("a member that has not heard of the clearing has written the window back")
	}
	server.Do(t, "FLUSHALL")
	if found, err := s.Lift(ctx, time.Now()); found || err != nil {
		t.Errorf("%v, %v: nobody is there to hear it", found, err)
	}
	a = look(machine.Window{}, Clock{})
	ban := window
	ban.Trigger = machine.TriggerNetworkBan
	for _, w := range []machine.Window{window, ban} {
		a = look(w, a.Clock)
		if found, err := s.Lift(ctx, time.Now()); !found || err != nil {
			t.Errorf("%v, %v", found, err)
		}
		record, _, _ = s.Load(ctx)
		a = look(w, a.Clock) // by one that has not heard of it
		if stays := len(a.Record.Windows) > 0; stays != (w.Trigger != machine.TriggerNetworkBan) || stays != (len(record.Windows) > 0) || a.Lifted.IsZero() {
			t.Errorf("a ban is lifted, and a window of %s: stays %v, %s", w.Trigger, stays, a.Lifted)
		}
		if w.Trigger == machine.TriggerCircuitBreaker {
			server.Do(t, "HDEL", "sidecar:{k}", "window", "until")
		}
	}
	server.Stop(t)
	_, _, err = s.Load(ctx)
	if lost, ok := errors.AsType[*LostError](err); !ok || !lost.Unseen {
		t.Errorf("%v", err)
	}
}
