package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/database"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/lookup"
	"dragonfly.internal/sidecar/internal/report"
)

// gateFlags are what gate may be told.
type gateFlags struct {
	env                     string
	strict, noConnect, json bool
}

func newGate(std streams) *cobra.Command {
	var flags gateFlags
	command := &cobra.Command{
		Use:   "gate",
		Short: "Say go or no go before a deploy",
		Long: `Say go or no go before a deploy: DSN, password encoding, identity, TLS, waiver,
lockout state, then one login unless an earlier check failed.

With --no-connect it judges only what a deploy can change: nothing is dialled, and
a window or hold is a warning, since the deploy may be the cure. That is the form
for Railway's pre-deploy command.`,
		Example: "  sidecar gate --env prod\n  sidecar gate --env prod --no-connect --strict",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runGate(cmd.Context(), std, flags)
		},
	}
	f := command.Flags()
	f.StringVar(&flags.env, "env", "", envUsage)
	f.BoolVar(&flags.strict, "strict", false, "make warnings fail")
	f.BoolVar(&flags.noConnect, "no-connect", false, "dial nothing")
	f.BoolVar(&flags.json, "json", false, "print the report as JSON")
	return command
}

const earlier = "an earlier check failed"

// runGate runs the checks in their order; the probe is the last, and is made only
// when nothing stands against it.
func runGate(ctx context.Context, std streams, flags gateFlags) error {
	c, db, err := gateDatabase(flags.env, std)
	if err != nil {
		return err
	}
	r := report.NewReport(db.Raw, dsn.Env(c.Mode), db.Report)
	var found report.Standing
	if r.Failed() {
		r.Skipped("lockout", earlier)
	} else {
		var note string
		found, note = lookup.Find(ctx, db, c)
		r.Lockout(found, note, flags.noConnect)
	}
	if flags.strict {
		r.Strict()
	}
	switch {
	case flags.noConnect:
		r.Skipped("probe", "not made: --no-connect")
	case r.Failed():
		r.Skipped("probe", earlier)
	default:
		outcome := lookup.Login(ctx, db, c)
		r.Took(outcome)
		r.Note(report.EchoNote(outcome, found.Vouched, false))
	}
	return printReport(ctx, std, r, flags.json, r.ExitCode)
}

// gateDatabase is databaseFor without an argument; a missing DSN is the gate's
// to report.
func gateDatabase(env string, std streams) (config.Config, database.Database, error) {
	c, db, err := databaseFor(nil, env, std)
	if none := exit.From(err); none.Message == noDSN {
		if env != "" {
			fmt.Fprintln(std.err, "sidecar: hint: "+none.Hint)
		}
		return c, database.New("", c), nil
	}
	return c, db, err
}
