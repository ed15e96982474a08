package probe

import (
	"context"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Knocker asks a pooler whether it knows a user, and hangs up when it asks for
// the password: it has none. A shared pooler that cannot route the user says so
// before, and does not count the hanging up as a failed login
// (docs/facts.md#supavisor-routing). Use [NewKnocker].
type Knocker struct{ prober *Prober }

// NewKnocker returns a knocker for a DSN, whose password it does not keep. The
// scrubber removes it from what peers say.
func NewKnocker(d dsn.DSN, scrub *dsn.Scrubber, options Options) Knocker {
	d.Password = dsn.Secret{}
	prober := New(d, scrub, options)
	prober.mute = true
	return Knocker{prober}
}

// Knock spends the permit on one startup message. The reason is ok when the
// pooler asked for the password or would have let us in without one.
func (k Knocker) Knock(ctx context.Context, permit machine.Permit) machine.Outcome {
	return k.prober.Probe(ctx, permit)
}
