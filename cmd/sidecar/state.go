package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor"
)

func newState(std streams) *cobra.Command {
	command := &cobra.Command{
		Use:   "state",
		Short: "Show or clear the stored window",
		Long: `Show or clear what the sidecar has stored (SIDECAR_STATE): the lockout window or
hold that a restart keeps to. To see what a running sidecar knows: sidecar status.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &failure{exitUsage, "state: show or clear?", cmd.CommandPath() + " --help"}
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
			if asJSON {
				printJSON(std.out, stored)
			} else {
				fmt.Fprint(std.out, stored.Text())
			}
			return nil
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
on SIGHUP, one that is not running at its next start.`,
		Example: "  sidecar state clear\n  sidecar state clear --yes",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return clearState(cmd.Context(), std, yes)
		},
	}
	command.Flags().BoolVar(&yes, "yes", false, "do not ask for confirmation")
	return command
}

// storedState is what "state show" prints.
type storedState struct {
	Place   string         `json:"place"`
	Lost    string         `json:"lost"` // why it cannot be read; empty: it can
	Windows []storedWindow `json:"windows"`
	Hold    *storedWindow  `json:"hold"` // of the DSN supervised last
}

// storedWindow is a window or a hold that is not over.
type storedWindow struct {
	Key              string             `json:"key"`
	Reason           supervisor.Reason  `json:"reason"`
	Trigger          supervisor.Trigger `json:"trigger"`
	Since            time.Time          `json:"since"`
	Until            time.Time          `json:"until"`
	RemainingSeconds int64              `json:"remaining_seconds"`
}

// openState reads the store. What is lost is part of the answer.
func openState(ctx context.Context) (*store.File, storedState, error) {
	c, err := loadConfig()
	if err != nil {
		return nil, storedState{}, err
	}
	path := c.statePath()
	if path == "" {
		return nil, storedState{}, &failure{exitFailure, "the state lives in the sidecar's memory, which no other process can read",
			"ask the running one: sidecar status; or set SIDECAR_STATE=file:PATH as the sidecar has it"}
	}
	file := store.NewFile(path)
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	record, _, err := file.Load(ctx)
	lost, isLost := errors.AsType[*store.LostError](err)
	if err != nil && !isLost {
		return nil, storedState{}, fmt.Errorf("read the state: %w", err)
	}
	now := time.Now()
	s := storedState{Place: "file:" + path, Windows: []storedWindow{}}
	if isLost {
		s.Lost = lost.Why
	}
	for _, w := range record.Windows {
		if w.Until.After(now) {
			s.Windows = append(s.Windows, storedWindow{w.Key, supervisor.ReasonLockout, w.Trigger, w.Opened, w.Until, supervisor.CeilSeconds(w.Until.Sub(now))})
		}
	}
	if v := record.Verdict; v.State == supervisor.Rejected && v.Next.After(now) {
		s.Hold = &storedWindow{v.Key, v.Reason, v.Trigger, v.Since, v.Next, supervisor.CeilSeconds(v.Next.Sub(now))}
	}
	return file, s, nil
}

// Text is what is stored, for people.
func (s storedState) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "State: %s\n", s.Place)
	if s.Lost != "" {
		fmt.Fprintf(&b, "LOST: %s. It may have held a window: a sidecar waits for the shortest one after the file was written.\n", s.Lost)
	}
	for _, w := range s.Windows {
		fmt.Fprintf(&b, "WINDOW: %s, key %s, since %s, until %s (%ds). No connection attempts until then.\n",
			w.Trigger, w.Key, clock(w.Since), clock(w.Until), w.RemainingSeconds)
	}
	if h := s.Hold; h != nil {
		fmt.Fprintf(&b, "HOLD: %s, key %s, since %s, until %s (%ds). A changed credential ends it.\n",
			h.Reason, h.Key, clock(h.Since), clock(h.Until), h.RemainingSeconds)
	}
	if s.empty() {
		b.WriteString("No window and no hold is stored.\n")
	}
	return b.String()
}

func (s storedState) empty() bool { return s.Lost == "" && len(s.Windows) == 0 && s.Hold == nil }

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// clearState asks, and writes an empty record.
func clearState(ctx context.Context, std streams, yes bool) error {
	file, stored, err := openState(ctx)
	if err != nil {
		return err
	}
	fmt.Fprint(std.out, stored.Text())
	if stored.empty() {
		return nil
	}
	if !yes {
		if !isTerminal(std.in) {
			return &failure{exitFailure, "clearing wants a confirmation, and there is no terminal to ask for it", "sidecar state clear --yes"}
		}
		fmt.Fprint(std.err, "If the lockout is not over, the next login prolongs it for everybody. Drop this? [y/N] ")
		answer, _ := bufio.NewReader(std.in).ReadString('\n')
		if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
			return &failure{exitFailure, "nothing was changed", ""}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	// An empty record with its time: a sidecar that writes before it hears of it
	// yields to it.
	if err := file.Overwrite(ctx, supervisor.Record{Cleared: time.Now().UTC()}); err != nil {
		return fmt.Errorf("clear the state: %w", err)
	}
	fmt.Fprintln(std.out, "Cleared. A running sidecar takes it up on SIGHUP (kill -HUP PID), another one at its start.")
	return nil
}
