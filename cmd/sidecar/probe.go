package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/database"
	"dragonfly.internal/sidecar/internal/lookup"
	"dragonfly.internal/sidecar/internal/report"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// probeFlags are what probe may be told besides the DSN.
type probeFlags struct {
	env                string
	json, force, twice bool
}

func newProbe(std streams) *cobra.Command {
	var flags probeFlags
	command := &cobra.Command{
		Use:   "probe [DSN]",
		Short: "Check a DSN with one login and SELECT 1",
		Long: `Check a DSN with one login and SELECT 1.

The DSN is the argument, standard input with -, or DATABASE_URL; with --env it is
DATABASE_URL of .env.prod or .env.dev, where there is such a file. Inside a
lockout window that the sidecar knows of, nothing is dialled and the exit code is
78. What a probe finds holds for this machine's address only.`,
		Example: "  sidecar probe --env prod --twice\n  sidecar probe --json\n  sidecar probe - <dsn.txt",
		Args:    atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, db, err := databaseFor(args, flags.env, std)
			if err != nil {
				return err
			}
			return probeDatabase(cmd.Context(), db, c, std, flags)
		},
	}
	f := command.Flags()
	f.StringVar(&flags.env, "env", "", envUsage)
	f.BoolVar(&flags.json, "json", false, "print the report as JSON")
	f.BoolVar(&flags.twice, "twice", false, "look again after 3 s when PgBouncer may have answered from memory")
	f.BoolVar(&flags.force, "force", false, "dial even inside a known window; it prolongs the lockout")
	return command
}

// secondLook is how long after a server_login_retry the second login of --twice
// is made (docs/commands.md#flags).
const secondLook = 3 * time.Second

// probeDatabase looks for a reason not to dial, and without one logs in once, or
// twice where PgBouncer may have answered from memory.
func probeDatabase(ctx context.Context, db database.Database, c config.Config, std streams, flags probeFlags) error {
	r := report.NewProbeReport(db.Report)
	known := report.Judge(db.Report, db.Target.Fault)
	if flags.force && !known.Blocks {
		cost := "inside a lockout window this login prolongs the lockout for everybody"
		if db.Target.DBHost {
			cost += ", and the second wrong password at this host bans the address for 30 minutes"
		}
		fmt.Fprintln(std.err, "sidecar: warning: --force: "+cost)
	} else {
		known = lookup.FindAndWarn(ctx, db, c, std.err)
	}
	if known.Blocks {
		r.Refused(known)
	} else {
		outcome := lookup.Login(ctx, db, c)
		echo := outcome.Trigger == machine.TriggerServerLoginRetry
		if echo && flags.twice {
			fmt.Fprintln(std.err, "sidecar: PgBouncer may be answering from memory; looking again in 3 s")
			if sleep(ctx, secondLook) == nil {
				outcome = lookup.Login(ctx, db, c)
			}
		}
		r.Took(outcome)
		r.Note(report.EchoNote(outcome, known.Vouched, flags.twice))
	}
	return printReport(ctx, std, r, flags.json, r.ExitCode)
}

// sleep waits, unless the context ends before.
func sleep(ctx context.Context, d time.Duration) error {
	over, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-over.Done()
	return ctx.Err()
}
