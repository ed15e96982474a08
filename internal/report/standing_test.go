package report

import (
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/health"
)

// TestLater: a window counts before a hold, whichever ends later and whoever knows
// of it; of two windows the one that ends later.
func TestLater(t *testing.T) {
	in := func(d time.Duration) *time.Time { at := time.Now().Add(d); return &at }
	heard := func(state, reason string, left time.Duration, source string) Standing {
		return Heard(health.Readiness{State: state, Reason: reason, RetryAt: in(left), RetryInSeconds: int64(left / time.Second)}, true, source)
	}
	window, longer := heard("lockout", "lockout", 5*time.Minute, "sidecar"), heard("lockout", "lockout", 9*time.Minute, "store")
	hold, nothing := heard("rejected", "auth_failed", 20*time.Minute, "store"), heard("ready", "ok", 0, "sidecar")
	for name, c := range map[string]struct{ a, b, want Standing }{
		"window and hold":    {window, hold, window},
		"two windows":        {window, longer, longer},
		"hold and nothing":   {hold, nothing, hold},
		"window and nothing": {window, nothing, window},
	} {
		for _, got := range []Standing{c.a.Later(c.b), c.b.Later(c.a)} {
			if got.State != c.want.State || got.Window.Source != c.want.Window.Source || got.ExitCode != c.want.ExitCode {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
}
