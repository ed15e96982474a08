package main

import (
	"context"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/database"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/lookup"
	"dragonfly.internal/sidecar/internal/probe"
	"dragonfly.internal/sidecar/internal/report"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// verifyFlags are what verify may be told besides the DSN.
type verifyFlags struct {
	env              string
	findRegion, json bool
	regions          []string
	clusters         []uint
}

func newVerify(std streams) *cobra.Command {
	var flags verifyFlags
	command := &cobra.Command{
		Use:   "verify [DSN]",
		Short: "Say at which step the way to the database ends, and the fix",
		Long: `Say at which step the way to the database ends, and the fix: DSN format,
environment and ref, DNS, TCP, TLS, tenant routing, login, SELECT 1. All of it is one
connection and at most one login. The DSN is the argument, standard input with -, or
DATABASE_URL; with --env it is that of .env.prod or .env.dev, where there is one.

With --find-region it asks every shared pooler whether it knows the project, and
hangs up when it is asked for the password: none is sent, and no login fails.

Inside a lockout window that the sidecar knows of, nothing is dialled and the exit
code is 78. What is found holds for this machine's address only.`,
		Example: "  sidecar verify --env prod\n  sidecar verify --find-region\n  sidecar verify --find-region --region me-central-1 --cluster 2\n  sidecar verify --json - <dsn.txt",
		Args:    atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			ask := withPassword
			if flags.findRegion {
				ask = withoutPassword
			}
			c, db, err := databaseAsking(args, flags.env, std, ask)
			if err != nil {
				return err
			}
			return verifyDatabase(cmd.Context(), db, c, std, flags, probe.Options{RootsPEM: c.RootsPEM})
		},
	}
	f := command.Flags()
	f.StringVar(&flags.env, "env", "", envUsage)
	f.BoolVar(&flags.findRegion, "find-region", false, "ask every shared pooler for the project, without a password")
	f.BoolVar(&flags.json, "json", false, "print the report as JSON")
	f.StringSliceVar(&flags.regions, "region", nil, "with --find-region: a region besides the known ones")
	f.UintSliceVar(&flags.clusters, "cluster", nil, "with --find-region: an N of aws-N besides 0 and 1")
	return command
}

// check holds the flags against each other.
func (f verifyFlags) check() error {
	if !f.findRegion && len(f.regions)+len(f.clusters) > 0 {
		return exit.Fail(exit.Usage, "--region and --cluster go with --find-region", "sidecar verify --help")
	}
	for _, region := range f.regions {
		if !dsn.IsRegion(region) {
			return exit.Fail(exit.Usage, "--region: want one like us-east-1", "sidecar verify --help")
		}
	}
	return nil
}

// verifyDatabase looks for a reason not to dial, and without one goes the way to
// the database once, or asks every shared pooler for the project.
func verifyDatabase(ctx context.Context, db database.Database, c config.Config, std streams, flags verifyFlags, network probe.Options) error {
	judged := db.Report.DSN
	if flags.findRegion && db.Target.Fault == "" && judged.Mode != dsn.ModeShared {
		return exit.Fail(exit.Failure, "--find-region needs the DSN of a shared pooler",
			"postgresql://USER.REF:PASSWORD@aws-0-REGION.pooler.supabase.com:6543/postgres?sslmode=require, with any region")
	}
	r := report.NewVerifyReport(db.Report, db.Rules.Env)
	known := lookup.FindAndWarn(ctx, db, c, std.err)
	switch {
	case known.Blocks:
		r.Refused(known)
	case flags.findRegion:
		r.Searched(lookup.KnockEverywhere(ctx, db, c, lookup.Regions{Names: flags.regions, Clusters: flags.clusters}, network))
	default:
		var trace probe.Trace
		outcome := lookup.Spend(ctx, db, c, func(ctx context.Context, permit machine.Permit) (o machine.Outcome) {
			o, trace = probe.New(judged, db.Scrub, network).Trace(ctx, permit)
			return o
		})
		r.Took(outcome, report.Trace(trace))
		r.Note(report.EchoNote(outcome, known.Vouched, false))
	}
	return printReport(ctx, std, r, flags.json, r.ExitCode)
}
