package proxy

import (
	"time"

	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// firstVerdict is how long a client waits for the sidecar's first verdict.
const firstVerdict = 5 * time.Second

// Open reports whether the verdict lets connections through: the database is
// ready, or it is down for a reason that is nobody's password.
func Open(s *supervisor.Snapshot) bool {
	switch s.State {
	case machine.Ready:
		return !s.Stopping
	case machine.Retrying:
		return !s.Stopping && s.Reason != machine.ReasonLockout && s.Reason != machine.ReasonUnknown
	}
	return false
}

// Upstream is where connections go to.
type Upstream struct {
	Address string // host:port
	Target  machine.Target
}

// look reads the verdict, and reports whether it lets connections through to that
// upstream: while a changed DSN is being taken up, the verdict may be on another.
func (p *Proxy) look(to Upstream) (s *supervisor.Snapshot, open bool) {
	s = p.options.Snapshot()
	return s, Open(s) && s.Target == to.Target
}

// undecided reports whether a verdict is about to come.
func undecided(s *supervisor.Snapshot, to Upstream) bool {
	return s.State == machine.Starting && s.Reason == machine.ReasonStarting || s.Target != to.Target
}
