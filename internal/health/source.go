package health

import (
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

// Build identifies the binary.
type Build struct{ Version, Commit, Go string }
