package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/child"
	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
	"dragonfly.internal/sidecar/internal/worker"
)

// runFlags are what run may be told besides CMD.
type runFlags struct {
	startFlags
	hold     time.Duration // zero: drawn from the window's bounds
	failOpen time.Duration // zero: never
}

func newRun(std streams) *cobra.Command {
	flags := runFlags{failOpen: 20 * time.Minute}
	command := &cobra.Command{
		Use:   "run [flags] -- CMD [ARG...]",
		Short: "Start a worker when the sidecar says ready, and hold it in a lockout",
		Long: `Start CMD when the sidecar at SIDECAR_URL says ready, and stay with it: signals go
to its process group, orphans are reaped, its exit code is passed on.

When CMD ends with exit code 78 it has met a lockout. run then holds: it starts
CMD anew when the hold is over and the sidecar is ready, and not before. A CMD
that fails otherwise within a minute of its start is passed on 20 s later, so
that a platform's restarts do not become the next lockout.`,
		Example: "  sidecar run -- python worker.py\n  sidecar run --stable 30s --hold 20m -- ./worker --queue cases",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Fail(exit.Usage, "run wants a command to start", "sidecar run -- python worker.py")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			environment := os.Environ() // CMD gets it as it is, empty variables included
			c, err := config.Load()
			if err != nil {
				return err
			}
			return child.Run(cmd.Context(), c, flags.stable, flags.policy(c), child.Command{Args: args, Environment: environment}, std.err)
		},
	}
	f := command.Flags()
	f.SetInterspersed(false) // what follows CMD is CMD's
	flags.add(f)
	f.Var(spanFlag{to: &flags.hold}, "hold", "how long nothing is started after a lockout; by default a span from SIDECAR_LOCKOUT_MIN to _MAX")
	f.Var(spanFlag{to: &flags.failOpen, zero: "never"}, "fail-open", "start CMD once when the sidecar has been away for so long; or never")
	return command
}

// policy is the gate's. A hold that was asked for counts from a lockout at the
// start as well; the default one does not, since the sidecar's own window is it.
func (f runFlags) policy(c config.Config) worker.Policy {
	p := f.startFlags.policy()
	p.Hold, p.FailOpen = c.Policy().Lockout, f.failOpen
	if f.hold > 0 {
		p.Hold, p.HoldAtStart = machine.Range{Min: f.hold, Max: f.hold}, true
	}
	return p
}
