package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/database"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/report"
)

// newDSN holds the commands that look at a DSN without opening a socket.
func newDSN(std streams) *cobra.Command {
	command := &cobra.Command{
		Use:   "dsn",
		Short: "Check, encode, build or redact a DSN; offline",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Fail(exit.Usage, "dsn wants one of check, encode, build, redact", "sidecar dsn --help")
			}
			return unknownCommand(cmd, args[0])
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // Args always refuses
	}
	command.SuggestionsMinimumDistance = 2
	command.AddCommand(newDSNCheck(std), newDSNRedact(std), newDSNEncode(std), newDSNBuild(std))
	return command
}

func newDSNCheck(std streams) *cobra.Command {
	var asJSON bool
	var env string
	command := &cobra.Command{
		Use:   "check [DSN]",
		Short: "Say whether a DSN may be used, and what to change",
		Long: `Say whether a DSN may be used, and what to change.

The DSN is the argument, standard input with -, or DATABASE_URL; with --env it is
DATABASE_URL of .env.prod or .env.dev, where there is such a file. Exit code 0 says
that it is valid, 1 that it is not.`,
		Example: "  sidecar dsn check\n  sidecar dsn check --env prod --json - <dsn.txt",
		Args:    atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, c, err := findDSN(args, env, std)
			if err != nil {
				return err
			}
			judged, code := database.New(raw, c).Report, exit.OK
			if !judged.Valid() {
				code = exit.Failure
			}
			return printReport(cmd.Context(), std, report.NewDSNReport(judged), asJSON, code)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	command.Flags().StringVar(&env, "env", "", envUsage)
	return command
}

func newDSNRedact(std streams) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:     "redact [DSN]",
		Short:   "Print a DSN in the form that may be shown to anybody",
		Example: "  sidecar dsn redact",
		Args:    atMostOne,
		RunE: func(_ *cobra.Command, args []string) error {
			raw, c, err := findDSN(args, "", std)
			if err != nil {
				return err
			}
			printResult(std.out, asJSON, "redacted", dsn.Judge(raw, c.Rules(), time.Now()).DSN.Redacted())
			return nil
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	return command
}

// printResult writes the one text that a command makes, or an object with it.
func printResult(out io.Writer, asJSON bool, name, text string) {
	if asJSON {
		printJSON(out, map[string]string{name: text})
		return
	}
	fmt.Fprintln(out, text)
}
