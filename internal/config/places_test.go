package config

import (
	"strings"
	"testing"
)

// TestRedisURL: what may stand in SIDECAR_STATE for a fleet, and what is said of the
// rest; no word of it is a piece of the password.
func TestRedisURL(t *testing.T) {
	for _, c := range []struct{ text, host, says string }{
		{"redis://redis.internal", "redis.internal", ""},
		{"redis://redis/0", "redis", ""},
		{"rediss://user:pass%40word@redis.internal:6380/1", "redis.internal:6380", ""},
		{"redis://[::1]:6379", "[::1]:6379", ""},
		{"redis+sentinel://a:26379/main", "a:26379", ""},
		{"redis+sentinel://:pass-word@a,b:26380,[::1]:26379/main/2", "a,b:26380,[::1]:26379", ""},
		{"rediss+sentinel://redis,redis2/redis", "redis,redis2", ""},
		{"redis://", "", "it names no host"},
		{"redis:volume", "", "it names no host"},
		{"redis://a,b", "", "several hosts are sentinels"},
		{"redis://a/b", "", "after the host"},
		{"redis://a?x=pass-word", "", "it names no host"},
		{"redis+sentinel://a", "", "name of their group"},
		{"redis+sentinel://a/", "", "name of their group"},
		{"redis+sentinel://a/main/x", "", "name of their group"},
		{"redis+sentinel://a,/main", "", "it names no host"},
		{"redis+sentinel://a:1:2,b/main", "", "it names no host"},
		{"redis://u:pass word@a", "", "percent-encoded"},
		{"redis://u:%zzpass-word@a", "", "percent-encoded"},
		{"redis+cluster://a", "", "it begins with neither"},
	} {
		u, err := redisURL(c.text)
		if c.says == "" && (err != nil || u.Host != c.host) {
			t.Errorf("%s: %v, %v", c.text, u, err)
		}
		if c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", c.text, err)
		}
		if err != nil && strings.Contains(err.Error(), "pass-word") {
			t.Errorf("%s: the password is in %q", c.text, err)
		}
	}
}
