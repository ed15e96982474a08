package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/database"
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
			place, stored, err := openState(cmd.Context())
			if err != nil {
				return err
			}
			defer place.Close()
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
func openState(ctx context.Context) (clearable, report.StateReport, error) {
	c, err := config.Load()
	if err != nil {
		return nil, report.StateReport{}, err
	}
	place, name, err := openPlace(c)
	if err != nil {
		return nil, report.StateReport{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, store.Patience)
	defer cancel()
	record, _, err := place.Load(ctx)
	why, unseen := "", false
	if lost, ok := errors.AsType[*store.LostError](err); ok {
		why, unseen = lost.Why, lost.Unseen
	}
	return place, report.NewStateReport(name, why, unseen, record, c.Policy(), time.Now()), nil
}

// clearable is a store that another process can read and clear.
type clearable interface {
	store.Store
	Clear(ctx context.Context, asked time.Time) error
}

// openPlace opens the store of the environment, and names it for people.
func openPlace(c config.Config) (clearable, string, error) {
	if u := c.Redis(); u != nil {
		text, err := c.DSN()
		if err != nil {
			return nil, "", err
		}
		key := database.New(text, c).Target.Key
		if key == "" {
			return nil, "", exit.Fail(exit.Failure, "Redis holds a record for each database, and DATABASE_URL names none", "set DATABASE_URL as the sidecar has it")
		}
		shared := store.OpenShared(store.NewRedis(u), key)
		return shared, shared.Address() + ", key " + key, nil
	}
	path := c.StatePath()
	if path == "" {
		return nil, "", exit.Fail(exit.Failure, "the state lives in the sidecar's memory, which no other process can read",
			"ask the running one: sidecar status; or set SIDECAR_STATE=file:PATH as the sidecar has it")
	}
	return store.NewFile(path), "file:" + path, nil
}

// clearState asks, and drops what it has shown.
func clearState(ctx context.Context, std streams, yes bool) error {
	asked := time.Now()
	place, stored, err := openState(ctx)
	if err != nil {
		return err
	}
	defer place.Close()
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
	if err := place.Clear(ctx, asked); err != nil {
		return fmt.Errorf("clear the state: %w", err)
	}
	if file, ok := place.(*store.File); ok && file.Unguarded() != nil {
		err := file.Unguarded()
		fmt.Fprintf(std.err, "sidecar: warning: a sidecar that wrote at this moment may not have noticed, since there is no lock beside the file: %v\n", err)
	}
	fmt.Fprintln(std.out, "Cleared. A running sidecar takes it up within seconds; another one at its start.")
	return nil
}
