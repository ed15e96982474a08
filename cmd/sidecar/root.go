package main

import (
	"errors"
	"fmt"
	"regexp"

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
			return unknownCommand(cmd, args[0])
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
		newVerify(std),
		newGate(std),
		newRun(std),
		newWait(std),
		newHealthcheck(std),
		newDSN(std),
		newDemo(std),
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

// plainWord is what a command or flag may look like. Anything else may be a DSN
// in the wrong place, and is not repeated.
var plainWord = regexp.MustCompile(`^[a-z][a-z-]{0,20}$`)

// unknownCommand is wrong usage, with the nearest command there is.
func unknownCommand(cmd *cobra.Command, word string) error {
	if !plainWord.MatchString(word) {
		return &failure{exitUsage, "the first word is not a command", "to check a DSN: sidecar probe -, with the DSN on standard input; see " + cmd.CommandPath() + " --help"}
	}
	return &failure{exitUsage, fmt.Sprintf("unknown command %q", word), nearest(cmd.SuggestionsFor(word), cmd.CommandPath())}
}

// flagFailure is wrong usage of a flag, with the nearest flag there is. The text
// that the parser gives quotes values, which may be secret.
func flagFailure(cmd *cobra.Command, err error) error {
	hint := nearest(nil, cmd.CommandPath())
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok && plainWord.MatchString(unknown.GetSpecifiedName()) {
		names := &cobra.Command{SuggestionsMinimumDistance: 2} // borrows cobra's distance
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			names.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
		})
		name := unknown.GetSpecifiedName()
		if near := names.SuggestionsFor(name); len(near) > 0 {
			hint = "did you mean " + cmd.CommandPath() + " --" + near[0] + "?"
		}
		return &failure{exitUsage, "unknown flag: --" + name, hint}
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return &failure{exitUsage, "--" + invalid.GetFlag().Name + ": not a value it takes", hint}
	}
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return &failure{exitUsage, "--" + missing.GetFlag().Name + ": wants a value", hint}
	}
	return &failure{exitUsage, "unknown flag", hint}
}

// nearest is the hint for a misspelt command: the nearest one there is, or else
// where all of them are listed.
func nearest(suggestions []string, path string) string {
	if len(suggestions) > 0 {
		return "did you mean " + path + " " + suggestions[0] + "?"
	}
	return "see " + path + " --help"
}
