package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/report"
)

// statusFlags are what status may be told.
type statusFlags struct{ json, watch bool }

func newStatus(std streams) *cobra.Command {
	var flags statusFlags
	command := &cobra.Command{
		Use:   "status",
		Short: "Show what the running sidecar knows, for people",
		Long: `Show what the running sidecar knows, for people: its state, since when, until when,
what to do, the last error and its cause, the waiver and the store. Nothing is
dialled but the sidecar, at SIDECAR_URL or else at http://127.0.0.1:$PORT, with
SIDECAR_TOKEN where it wants one.

The exit code is 0 when the sidecar answered, whatever it says about the database,
and 1 when it did not. With --watch it asks every 2 s until Ctrl-C: on a terminal
the picture is redrawn, elsewhere each changed line is printed.`,
		Example: "  sidecar status\n  sidecar status --watch\n  SIDECAR_URL=http://sidecar.railway.internal:8080 sidecar status --json",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load()
			if err != nil {
				return err
			}
			if flags.watch {
				return watchStatus(cmd.Context(), c, std, flags.json)
			}
			status, text, err := askStatus(cmd.Context(), c)
			if err != nil {
				return err
			}
			if flags.json {
				fmt.Fprintf(std.out, "%s\n", text)
			} else {
				fmt.Fprint(std.out, report.StatusText(status, time.Now()))
			}
			return nil
		},
	}
	f := command.Flags()
	f.BoolVar(&flags.json, "json", false, "print the answer of /status as it came")
	f.BoolVar(&flags.watch, "watch", false, "ask again every 2 s until Ctrl-C")
	return command
}

// askStatus asks the running sidecar. An error says where nobody answered.
func askStatus(ctx context.Context, c config.Config) (health.Status, json.RawMessage, error) {
	address := c.SidecarAddress()
	status, text, err := health.Client{URL: address.String(), Token: c.SidecarToken()}.StatusJSON(ctx)
	switch {
	case errors.Is(err, health.ErrToken):
		err = exit.Fail(exit.Failure, "the sidecar at "+address.Redacted()+" wants its token", "set SIDECAR_TOKEN to the one that the sidecar has")
	case err != nil:
		err = exit.Fail(exit.Failure, err.Error(), "is it running? Its address goes into SIDECAR_URL, or its port into PORT")
	}
	return status, text, err
}

const watchEvery = 2 * time.Second

// watchStatus asks until the context ends, which is a good end. A sidecar that
// does not answer at first is a failure; later it may be on its way back.
func watchStatus(ctx context.Context, c config.Config, std streams, asJSON bool) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	show := newView(std, asJSON)
	for first := true; ; first = false {
		status, text, err := askStatus(ctx, c)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && first:
			return err
		case err != nil:
			show.silent(err)
		default:
			show.answered(status, text)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
