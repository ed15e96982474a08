package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
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

// databaseNumber is the path of a Redis URL, if it has one.
var databaseNumber = regexp.MustCompile(`^/?\d{0,5}$`)

// redisURL reads redis://[user:password@]host[:port][/database], or rediss: with TLS.
// Its errors repeat nothing of the text.
func redisURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("it is no URL; a password with other characters than A-Z a-z 0-9 - . _ ~ has to be percent-encoded: sidecar dsn encode")
	case u.Scheme != "redis" && u.Scheme != "rediss":
		return nil, errors.New("it begins with neither redis:// nor rediss://")
	case u.Hostname() == "":
		return nil, errors.New("it names no host")
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
