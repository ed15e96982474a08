package main

import (
	"time"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/child"
	"dragonfly.internal/sidecar/internal/config"
)

// waitFlags are what wait may be told.
type waitFlags struct {
	startFlags
	timeout time.Duration // zero: none
}

func newWait(std streams) *cobra.Command {
	var flags waitFlags
	command := &cobra.Command{
		Use:   "wait",
		Short: "Wait until the sidecar says ready",
		Long: `Wait until the sidecar at SIDECAR_URL says ready; the database is never touched.

For entrypoints and CI. A worker that can meet a lockout later is better started
with sidecar run, which also keeps a restart from being the next login.`,
		Example: "  sidecar wait && exec python worker.py\n  sidecar wait --timeout 5m --stable 30s",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load()
			if err != nil {
				return err
			}
			policy := flags.policy()
			if flags.timeout > 0 {
				policy.Deadline = time.Now().Add(flags.timeout)
			}
			return child.Wait(cmd.Context(), c, flags.stable, policy, std.err)
		},
	}
	flags.add(command.Flags())
	command.Flags().Var(spanFlag{to: &flags.timeout}, "timeout", "give up after this; without it, never")
	return command
}
