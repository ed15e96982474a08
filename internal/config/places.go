package config

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// StateName is the state's file on a volume.
const StateName = "sidecar-state.json"

// StatePath is the file in which the deadline lives; "" means in memory.
func (c Config) StatePath() string {
	if c.State == "" && c.Volume != "" {
		return filepath.Join(c.Volume, StateName)
	}
	path, _ := strings.CutPrefix(c.State, "file:")
	if c.State == "memory:" {
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
