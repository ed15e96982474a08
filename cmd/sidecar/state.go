package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/report"
	"dragonfly.internal/sidecar/internal/store"
)

func newState(std streams) *cobra.Command {
	command := &cobra.Command{
		Use:   "state",
		Short: "Show or clear the stored window",
		Long: `Show or clear what the sidecar has stored (SIDECAR_STATE): the lockout window or
hold that a restart keeps to. To see what a running sidecar knows: sidecar status.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Fail(exit.Usage, "state: show or clear?", cmd.CommandPath()+" --help")
			}
			return unknownCommand(cmd, args[0])
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	command.AddCommand(newStateShow(std), newStateClear(std))
	return command
}

func newStateShow(std streams) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:     "show",
		Short:   "Print the stored windows and the hold",
		Example: "  sidecar state show\n  sidecar state show --json",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, stored, err := openState(cmd.Context())
			if err != nil {
				return err
			}
			return printReport(cmd.Context(), std, stored, asJSON, exit.OK)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	return command
}

func newStateClear(std streams) *cobra.Command {
	var yes bool
	command := &cobra.Command{
		Use:   "clear",
		Short: "Drop the stored windows and the hold",
		Long: `Drop the stored windows and the hold, because you know that the lockout is over. If
it is not, the next login prolongs it for everybody. A running sidecar takes it up
within seconds, one that is not running at its next start.`,
		Example: "  sidecar state clear\n  sidecar state clear --yes",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return clearState(cmd.Context(), std, yes)
		},
	}
	command.Flags().BoolVar(&yes, "yes", false, "do not ask for confirmation")
	return command
}

// openState reads the store. What is lost is part of the answer.
func openState(ctx context.Context) (*store.File, report.StateReport, error) {
	c, err := config.Load()
	if err != nil {
		return nil, report.StateReport{}, err
	}
	path := c.StatePath()
	if path == "" {
		return nil, report.StateReport{}, exit.Fail(exit.Failure, "the state lives in the sidecar's memory, which no other process can read",
			"ask the running one: sidecar status; or set SIDECAR_STATE=file:PATH as the sidecar has it")
	}
	file := store.NewFile(path)
	ctx, cancel := context.WithTimeout(ctx, store.Patience)
	defer cancel()
	record, _, err := file.Load(ctx)
	why, unseen := "", false
	if lost, ok := errors.AsType[*store.LostError](err); ok {
		why, unseen = lost.Why, lost.Unseen
	}
	return file, report.NewStateReport("file:"+path, why, unseen, record, c.Policy(), time.Now()), nil
}

// clearState asks, and drops what it has shown.
func clearState(ctx context.Context, std streams, yes bool) error {
	asked := time.Now()
	file, stored, err := openState(ctx)
	if err != nil {
		return err
	}
	fmt.Fprint(std.out, stored.Text())
	if stored.Empty() {
		return nil
	}
	err = confirm(std, yes, "If the lockout is not over, the next login prolongs it for everybody. Drop this?", "sidecar state clear --yes")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, store.Patience)
	defer cancel()
	if err := file.Clear(ctx, asked); err != nil {
		return fmt.Errorf("clear the state: %w", err)
	}
	if err := file.Unguarded(); err != nil {
		fmt.Fprintf(std.err, "sidecar: warning: a sidecar that wrote at this moment may not have noticed, since there is no lock beside the file: %v\n", err)
	}
	fmt.Fprintln(std.out, "Cleared. A running sidecar takes it up within seconds; another one at its start.")
	return nil
}
