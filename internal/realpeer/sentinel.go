package realpeer

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// StartReplica starts a Redis that copies another one, and waits until it does.
func StartReplica(t testing.TB, primary *Redis) *Redis {
	t.Helper()
	config := primary.config
	config.Settings = map[string]string{"replicaof": Host + " " + fmt.Sprint(primary.port)}
	if config.Password != "" {
		config.Settings["masterauth"] = config.Password
	}
	r := StartRedis(t, config)
	Until(t, startWithin, "the replica follows", func() error {
		if n := primary.Do(t, "WAIT", "1", "200"); n == ":0" {
			return fmt.Errorf("no replica")
		}
		return nil
	})
	return r
}

// StartSentinel starts a sentinel that watches a group of one Redis and its replica, and
// waits until it knows both. It promotes the replica half a second after the other is gone.
func StartSentinel(t testing.TB, group, password string, primary *Redis) *Redis {
	t.Helper()
	s := &Redis{config: RedisConfig{Password: password}, port: FreePort(t)}
	dir := directory(t, "sentinel")
	lines := []string{
		"port " + fmt.Sprint(s.port), "bind " + Host, "dir " + dir,
		fmt.Sprintf("sentinel monitor %s %s %d 1", group, Host, primary.port),
		"sentinel down-after-milliseconds " + group + " 500", "sentinel failover-timeout " + group + " 3000",
	}
	if primary.config.Password != "" {
		lines = append(lines, "sentinel auth-pass "+group+" "+primary.config.Password)
	}
	if password != "" {
		lines = append(lines, "requirepass "+password)
	}
	file := place(t, dir, "sentinel.conf", []byte(strings.Join(lines, "\n")+"\n"))
	s.process = process{
		name: "sentinel", command: []string{redisServer.mustPath(t), file, "--sentinel"},
		dir: dir, logFile: place(t, dir, "log", nil), last: syscall.SIGKILL,
	}
	s.Start(t)
	t.Cleanup(func() { s.end(t) })
	s.Do(t, "SENTINEL", "DEBUG", "info-period", "300", "ask-period", "300") // ms, of 10 s and 1 s
	Until(t, startWithin, "the sentinel knows the replica", func() error {
		if n := s.Do(t, "SENTINEL", "replicas", group); n != "*1" {
			return fmt.Errorf("%s", n)
		}
		return nil
	})
	return s
}

// Address is its host and port.
func (r *Redis) Address() string { return address(r.port) }

// Writable reports whether it takes writings: a replica does not.
func (r *Redis) Writable() bool {
	_, err := r.Try("SET", "written", "yes")
	return err == nil
}
