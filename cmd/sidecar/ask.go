package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/database"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// askTwice is the note on a lockout that may be an old one, where nobody vouches
// for a login in the last minute (contract 1).
const askTwice = "PgBouncer may be answering from memory. Ask twice: sidecar probe --twice"

// namesNoCause is the note on a lockout that a restart of PostgreSQL looks like
// (facts 2).
const namesNoCause = "PgBouncer before 1.24 says the same for up to half a minute after a restart of PostgreSQL. If there was one, ask again then."

// login spends one permit on one login and SELECT 1.
func login(ctx context.Context, db database.Database, c config.Config) machine.Outcome {
	return spend(ctx, db, c, db.Prober.Probe)
}

// spend gets one permit, spends it on ask within a probe's time, and returns what
// the machine takes the outcome for.
func spend(ctx context.Context, db database.Database, c config.Config, ask func(context.Context, machine.Permit) machine.Outcome) machine.Outcome {
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

// tell prints a report for people or as JSON and ends with its exit code. One that
// was broken off from here says nothing about the database.
func tell(ctx context.Context, std streams, report interface{ Text() string }, asJSON bool, code int) error {
	switch {
	case ctx.Err() != nil:
		return exit.Fail(exit.Failure, "interrupted", "")
	case asJSON:
		printJSON(std.out, report)
	default:
		fmt.Fprint(std.out, report.Text())
	}
	return exit.With(code)
}
