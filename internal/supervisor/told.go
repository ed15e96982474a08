package supervisor

import (
	"context"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Pend makes known what the guard has against a new DSN that is not used, or that
// there is none to be read; nothing: all is well again.
func (s *Supervisor) Pend(ctx context.Context, findings []dsn.Finding) {
	s.note(ctx, func() { s.pending = findings })
}

// Tell makes known what people have been told, and stores it. In a fleet it counts until
// somebody else is heard who tells them.
func (s *Supervisor) Tell(ctx context.Context, told machine.Told) {
	s.note(ctx, func() { s.told = told })
}

// note changes what is known beside the verdict.
func (s *Supervisor) note(ctx context.Context, change func()) {
	s.change(ctx, func(now time.Time) machine.Transition {
		change()
		return machine.Transition{At: now, From: s.Snapshot().Status, To: s.machine.Status(now)}
	})
}
