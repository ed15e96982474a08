package lookup

import (
	"context"
	"math/rand/v2"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/database"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Login spends one permit on one login and SELECT 1.
func Login(ctx context.Context, db database.Database, c config.Config) machine.Outcome {
	return Spend(ctx, db, c, db.Prober.Probe)
}

// Spend gets one permit, spends it on ask within a probe's time, and returns what
// the machine takes the outcome for.
func Spend(ctx context.Context, db database.Database, c config.Config, ask func(context.Context, machine.Permit) machine.Outcome) machine.Outcome {
	m := machine.New(c.Policy(), db.Target, rand.Float64, time.Now())
	permit, err := m.Admit(time.Now())
	if err != nil {
		return machine.Outcome{Reason: db.Target.Fault, Message: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, c.Policy().ProbeTimeout)
	defer cancel()
	outcome := ask(ctx, permit)
	return m.Settle(time.Now(), permit, outcome).Outcome
}
