package main

import (
	"context"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/database"
	"dragonfly.internal/sidecar/internal/lookup"
	"dragonfly.internal/sidecar/internal/probe"
	"dragonfly.internal/sidecar/internal/report"
)

// sessionsFlags are what sessions may be told besides the DSN.
type sessionsFlags struct {
	env  string
	json bool
}

func newSessions(std streams) *cobra.Command {
	var flags sessionsFlags
	command := &cobra.Command{
		Use:   "sessions [DSN]",
		Short: "Say who is connected, before a password is changed",
		Long: `Say who is connected, before a password is changed: sessions by role, application,
state and age from pg_stat_activity, and which roles will log in again. It is one
login.

The DSN is the argument, standard input with -, or DATABASE_URL. Inside a lockout
window that the sidecar knows of, nothing is dialled and the exit code is 78.`,
		Example: "  sidecar sessions\n  sidecar sessions --env prod\n  sidecar sessions --json - <dsn.txt",
		Args:    atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, db, err := databaseFor(args, flags.env, std)
			if err != nil {
				return err
			}
			return listSessions(cmd.Context(), db, c, std, flags)
		},
	}
	f := command.Flags()
	f.StringVar(&flags.env, "env", "", envUsage)
	f.BoolVar(&flags.json, "json", false, "print the report as JSON")
	return command
}

// listSessions looks for a reason not to dial, and without one logs in once and
// asks who is connected.
func listSessions(ctx context.Context, db database.Database, c config.Config, std streams, flags sessionsFlags) error {
	r := report.NewSessionsReport(db.Report)
	if known := lookup.FindAndWarn(ctx, db, c, std.err); known.Blocks {
		r.Refused(known)
	} else {
		var found probe.Activity
		outcome := lookup.Spend(ctx, db, c, db.Prober.WithSessions(&found).Probe)
		r.Took(outcome, told(found))
		r.Note(report.EchoNote(outcome, known.Vouched, false))
	}
	return printReport(ctx, std, r, flags.json, r.ExitCode)
}

// told is what the prober found, for a report.
func told(found probe.Activity) report.Activity {
	a := report.Activity{Role: found.Role, Pooled: found.Pooled, Grant: found.Grant, Sessions: []report.Session{}}
	for _, s := range found.Sessions {
		a.Sessions = append(a.Sessions, report.Session(s))
	}
	return a
}
