package worker

import (
	"time"

	"dragonfly.internal/sidecar/internal/exit"
)

const (
	quickly = time.Minute      // a CMD that fails within so long is put on the brake
	brake   = 20 * time.Second // ten restarts outlast the 150 s of docs/facts.md#supavisor-breaker
)

// End is how CMD ended.
type End struct {
	Code    int
	Started time.Time
	Told    bool // it was sent a signal to end
}

// Ended says what follows: another start when the gate opens again, or the end
// once the pause is over.
func (g *Gate) Ended(now time.Time, end End) (again bool, pause time.Duration) {
	switch {
	case end.Told || end.Code == 0:
		return false, 0
	case end.Code == exit.Lockout && g.policy.ExitOnLockout:
		return false, 0
	case end.Code == exit.Lockout:
		g.hold(now)
		return true, 0
	case now.Sub(end.Started) < quickly:
		return false, brake
	}
	return false, 0
}
