package main

import (
	"errors"
	"fmt"
	"regexp"

	"dragonfly.internal/sidecar/internal/exit"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newRoot returns the command tree. Without a command it serves.
func newRoot(std streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "sidecar",
		Short: "Watches a pooled database for everybody else, and never inside a lockout window",
		Long: `Watches a pooled database for everybody else, and never inside a lockout window.

Without a command it serves: it supervises DATABASE_URL and answers on $PORT. Exit
codes: 0 success, 1 failure, 2 wrong usage, 78 a lockout and nothing else.`,
		Example:       "  sidecar                     # the long-running sidecar\n  sidecar status              # what it knows\n  sidecar probe --env prod    # one login and one report",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return unknownCommand(cmd, args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return runServe(cmd.Context(), std) },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.SetFlagErrorFunc(flagFailure)
	root.SetHelpCommand(newHelp())
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
		newSessions(std),
		newStatus(std),
		newRun(std),
		newWait(std),
		newHealthcheck(std),
		newDSN(std),
		newState(std),
		newBans(std),
		newNotify(std),
		newDemo(std),
		newCompletion(std),
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
	complete(root)
	return root
}

// none refuses arguments.
func none(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return exit.Fail(exit.Usage, fmt.Sprintf("%s takes no argument", cmd.CommandPath()), cmd.CommandPath()+" --help")
}

// atMostOne refuses a second argument.
func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return exit.Fail(exit.Usage, fmt.Sprintf("%s takes one DSN", cmd.CommandPath()), cmd.CommandPath()+" --help")
}

// plainWord is what a command or flag may look like. Anything else may be a DSN
// in the wrong place, and is not repeated.
var plainWord = regexp.MustCompile(`^[a-z][a-z-]{0,20}$`)

// unknownCommand is wrong usage, with the nearest command there is.
func unknownCommand(cmd *cobra.Command, word string) error {
	if !plainWord.MatchString(word) {
		return exit.Fail(exit.Usage, "the first word is not a command", "to check a DSN: sidecar probe -, with the DSN on standard input; see "+cmd.CommandPath()+" --help")
	}
	var names []string
	for _, below := range cmd.Commands() {
		names = append(names, below.Name())
	}
	return exit.Fail(exit.Usage, fmt.Sprintf("unknown command %q", word), nearest(near(names, word), cmd.CommandPath()))
}

// flagFailure is wrong usage of a flag, with the nearest flag there is. The text
// that the parser gives quotes values, which may be secret.
func flagFailure(cmd *cobra.Command, err error) error {
	hint := nearest(nil, cmd.CommandPath())
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok && plainWord.MatchString(unknown.GetSpecifiedName()) {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		name := unknown.GetSpecifiedName()
		if fits := near(names, name); len(fits) > 0 {
			hint = "did you mean " + cmd.CommandPath() + " --" + fits[0] + "?"
		}
		return exit.Fail(exit.Usage, "unknown flag: --"+name, hint)
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		wants := "not a value it takes"
		switch invalid.GetFlag().Value.(type) {
		case spanFlag, onLockout: // our own words, which quote nothing
			wants = errors.Unwrap(invalid).Error()
		}
		return exit.Fail(exit.Usage, "--"+invalid.GetFlag().Name+": "+wants, hint)
	}
	if missing, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return exit.Fail(exit.Usage, "--"+missing.GetFlag().Name+": wants a value", hint)
	}
	return exit.Fail(exit.Usage, "unknown flag", hint)
}

// near are the names that a misspelt word may mean, by cobra's own distance; the
// nearest come first.
func near(names []string, word string) (fits []string) {
	borrowed := new(cobra.Command)
	for _, name := range names {
		borrowed.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	for _, borrowed.SuggestionsMinimumDistance = range []int{1, 2} {
		fits = append(fits, borrowed.SuggestionsFor(word)...)
	}
	return fits
}

// nearest is the hint for a misspelt command: the nearest one there is, or else
// where all of them are listed.
func nearest(suggestions []string, path string) string {
	if len(suggestions) > 0 {
		return "did you mean " + path + " " + suggestions[0] + "?"
	}
	return "see " + path + " --help"
}
