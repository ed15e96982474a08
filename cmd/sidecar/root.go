package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newRoot returns the command tree. Without a command it serves.
func newRoot(std streams) *cobra.Command {
	root := &cobra.Command{
		Use:           "sidecar",
		Short:         "Watches a pooled database for everybody else, and never inside a lockout window",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return &failure{exitUsage, fmt.Sprintf("unknown command %q", args[0]), nearest(cmd.SuggestionsFor(args[0]), "sidecar ", "sidecar --help")}
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), std) },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.SetFlagErrorFunc(flagFailure)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		&cobra.Command{
			Use:   "serve",
			Short: "Supervise DATABASE_URL and answer on $PORT",
			Args:  none,
			RunE:  root.RunE,
		},
		newProbe(std),
		newDSN(std),
		&cobra.Command{
			Use:   "version",
			Short: "Print version, commit and Go version",
			Args:  none,
			Run: func(*cobra.Command, []string) {
				b := build()
				fmt.Fprintf(std.out, "sidecar %s (commit %s, %s)\n", b.Version, b.Commit, b.Go)
			},
		},
	)
	return root
}

// none refuses arguments.
func none(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return &failure{exitUsage, fmt.Sprintf("%s takes no argument", cmd.CommandPath()), cmd.CommandPath() + " --help"}
}

// atMostOne refuses a second argument.
func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return &failure{exitUsage, fmt.Sprintf("%s takes one DSN", cmd.CommandPath()), cmd.CommandPath() + " --help"}
}

// flagFailure turns a flag's error into wrong usage, with the nearest flag.
func flagFailure(cmd *cobra.Command, err error) error {
	names := &cobra.Command{SuggestionsMinimumDistance: 2} // borrows cobra's distance
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		names.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	_, wrong, _ := strings.Cut(err.Error(), "unknown flag: --")
	return &failure{exitUsage, err.Error(), nearest(names.SuggestionsFor(wrong), cmd.CommandPath()+" --", cmd.CommandPath()+" --help")}
}

// nearest is the hint for a misspelt name: the nearest one there is, or else
// where all of them are listed.
func nearest(suggestions []string, prefix, otherwise string) string {
	if len(suggestions) > 0 {
		return "did you mean " + prefix + suggestions[0] + "?"
	}
	return "see " + otherwise
}
