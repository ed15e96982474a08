package health

import (
	"fmt"
	"log/slog"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/supervisor"
)

// Source is where the handlers read from: the snapshot, and what does not change.
// Snapshot is cheap, never blocks and may be called by many goroutines at once.
type Source struct {
	Snapshot func() *supervisor.Snapshot
	Env      dsn.Env
	// StoreKind says where the deadline is kept: memory or file.
	StoreKind string
	// Instance tells this process from others; random, 8 hex digits.
	Instance string
	Build    Build
	// Started is when the process began; zero: when its handler was made.
	Started time.Time
	// Log hears of every request, at debug; nil: nobody does.
	Log *slog.Logger
	// Proxy says what the proxy does; nil without one.
	Proxy func() StatusProxy
	// Notifications says what was sent to people; nil: nobody is told.
	Notifications func() Notifications
	// Token protects / and /status when set.
	Token dsn.Secret
	// MetricsToken protects /metrics when set.
	MetricsToken dsn.Secret
}

// Store says where the deadline is kept and whether it can be.
type Store struct {
	Kind    string `json:"kind"`
	Healthy bool   `json:"healthy"`
}

// StatusProxy is the proxy's state now. What has no name in JSON is for metrics.
type StatusProxy struct {
	Open        bool              `json:"open"`
	Connections int               `json:"connections"`
	Refused     uint64            `json:"refused_logins"`
	Held        []HeldClient      `json:"held"`
	Results     map[string]uint64 `json:"-"` // connections so far, by what became of them
	Violations  uint64            `json:"-"` // sockets opened inside a window
}

// HeldClient is an address whose login was refused and that has to wait.
type HeldClient struct {
	Client string    `json:"client"`
	Until  time.Time `json:"until"`
}

// proxy is the proxy's state; nil without one.
func (s Source) proxy() *StatusProxy {
	if s.Proxy == nil {
		return nil
	}
	state := s.Proxy()
	return &state
}

// Notifications is what was sent to people since the start, and to whom: slack,
// discord or webhook, and "" when nobody is told.
type Notifications struct {
	To      string `json:"to"`
	Sent    uint64 `json:"sent"`
	Retried uint64 `json:"retried"` // tries after the first
	Failed  uint64 `json:"failed"`  // messages that were given up
}

// Words say it to people; "" when nobody is told.
func (n Notifications) Words() string {
	switch {
	case n.To == "":
		return ""
	case n.Failed > 0:
		return fmt.Sprintf("%s: %d sent, %d NOT delivered; the log says why", n.To, n.Sent, n.Failed)
	}
	return fmt.Sprintf("%s: %d sent", n.To, n.Sent)
}

// notifications is what was sent so far.
func (s Source) notifications() Notifications {
	if s.Notifications == nil {
		return Notifications{}
	}
	return s.Notifications()
}

// Build identifies the binary.
type Build struct{ Version, Commit, Go string }
