package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// StateName is the state's file on a volume.
const StateName = "sidecar-state.json"

// StatePath is the file in which the deadline lives; "" means in memory, or
// [Config.Redis].
func (c Config) StatePath() string {
	if c.State == "" && c.Volume != "" {
		return filepath.Join(c.Volume, StateName)
	}
	path, isFile := strings.CutPrefix(c.State, "file:")
	if !isFile {
		return ""
	}
	return path
}

// HoldDirectory is where "sidecar run" keeps a hold: beside the state, or else in the
// system's folder for temporary files, which outlives a process and not a container.
func (c Config) HoldDirectory() string {
	if path := c.StatePath(); path != "" && !strings.Contains(path, "://") {
		return filepath.Dir(path)
	}
	return os.TempDir()
}

// Redis is where a fleet keeps the deadline; nil: this sidecar is none of a fleet.
// The URL carries a password.
func (c Config) Redis() *url.URL {
	u, err := redisURL(c.State)
	if err != nil {
		return nil
	}
	return u
}

var errNoHost = errors.New("it names no host, or not as host:port")

// databaseNumber is the path of a Redis URL, if it has one.
var databaseNumber = regexp.MustCompile(`^/?\d{0,5}$`)

// groupName is the path of a URL that names sentinels.
var groupName = regexp.MustCompile(`^/[A-Za-z0-9._-]+(/\d{0,5})?$`)

// isRedis reports whether a text is meant to be a URL of [redisURL].
func isRedis(text string) bool {
	scheme, _, found := strings.Cut(text, ":")
	return found && slices.Contains([]string{"redis", "rediss", "redis+sentinel", "rediss+sentinel"}, scheme)
}

// redisURL reads redis://[user:password@]host[:port][/database], or rediss: with TLS;
// with +sentinel redis+sentinel://[user:password@]host[:port][,...]/name[/database], whose
// Host is the list. Its errors repeat nothing of the text.
func redisURL(text string) (*url.URL, error) {
	if !isRedis(text) {
		return nil, errors.New("it begins with neither redis:// nor rediss://")
	}
	_, rest, _ := strings.Cut(text, "://")
	authority, _, _ := strings.Cut(rest, "/")
	user := strings.LastIndex(authority, "@") + 1
	hosts := strings.Split(authority[user:], ",")
	u, err := url.Parse(strings.Replace(text, authority, authority[:user]+hosts[0], 1))
	for _, host := range hosts {
		other, bad := url.Parse("redis://" + host)
		bare := !strings.HasPrefix(host, "[") && strings.Count(host, ":") > 1
		if err == nil && (bad != nil || bare || other.Hostname() == "" || other.Host != host) {
			err = errNoHost
		}
	}
	switch {
	case err == errNoHost:
		return nil, err
	case err != nil:
		return nil, errors.New("it is no URL; a password with other characters than A-Z a-z 0-9 - . _ ~ has to be percent-encoded: sidecar dsn encode")
	case strings.HasSuffix(u.Scheme, "+sentinel"):
		u.Host = strings.Join(hosts, ",")
		if !groupName.MatchString(u.Path) || u.RawQuery != "" || u.Fragment != "" {
			return nil, errors.New("after the sentinels comes the name of their group, and at most the number of a database, as in redis+sentinel://a:26379,b:26379/mymaster/0")
		}
	case len(hosts) > 1:
		return nil, errors.New("several hosts are sentinels, as in redis+sentinel://a:26379,b:26379/mymaster")
	case !databaseNumber.MatchString(u.Path), u.RawQuery != "", u.Fragment != "":
		return nil, errors.New("after the host comes at most a port and the number of a database, as in redis://host:6379/0")
	}
	return u, nil
}

// SidecarAddress is the address of the sidecar that client commands ask.
func (c Config) SidecarAddress() *url.URL {
	if c.SidecarURL == "" {
		return &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", c.Port)}
	}
	address, _ := url.Parse(c.SidecarURL) // checked by Load
	return address
}

// parseLevel reads a level of the log.
func parseLevel(text string) (slog.Level, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(text)); err != nil {
		return level, fmt.Errorf("want debug, info, warn or error")
	}
	return level, nil
}

// Level is the least level that is logged.
func (c Config) Level() slog.Level {
	level, _ := parseLevel(c.LogLevel) // checked by Load
	return level
}
