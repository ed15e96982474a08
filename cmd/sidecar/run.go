package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/dsn"
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
			return runWorker(cmd.Context(), args, flags, std)
		},
	}
	f := command.Flags()
	f.SetInterspersed(false) // what follows CMD is CMD's
	flags.add(f)
	f.Var(spanFlag{to: &flags.hold}, "hold", "how long nothing is started after a lockout; by default a span from SIDECAR_LOCKOUT_MIN to _MAX")
	f.Var(spanFlag{to: &flags.failOpen, zero: "never"}, "fail-open", "start CMD once when the sidecar has been away for so long; or never")
	return command
}

// runWorker starts CMD as often as its gate opens, and ends as CMD does.
func runWorker(parent context.Context, args []string, flags runFlags, std streams) error {
	environment := os.Environ() // CMD gets it as it is, empty variables included
	c, err := config.Load()
	if err != nil {
		return err
	}
	entrance, err := newEntrance(c, flags.startFlags, flags.policy(c), std)
	if err != nil {
		return err
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return cannotStart(err)
	}
	entrance.key = introduce(c, std)
	ctx, cancel := context.WithCancelCause(context.Background())
	child := newChild(cancel)
	endWith(parent, cancel)
	for {
		if err := entrance.pass(ctx); err != nil {
			return err
		}
		end := worker.End{Started: time.Now()}
		if err := child.start(ctx, path, args, environment); err != nil {
			return err
		}
		entrance.gate.Started()
		end.Code, end.Told = child.wait()
		again, pause := entrance.gate.Ended(time.Now(), end)
		if again {
			child.sweep()
			continue
		}
		if pause > 0 {
			fmt.Fprintf(std.err, "sidecar: CMD failed soon after its start; exit code %d is passed on in %s, so that restarts do not lock everybody out\n", end.Code, pause)
			_ = sleep(ctx, pause) // a signal cuts it short: the platform knows what it does
		}
		return exit.With(end.Code)
	}
}

// Policy is the gate's. A hold that was asked for counts from a lockout at the
// start as well; the default one does not, since the sidecar's own window is it.
func (f runFlags) policy(c config.Config) worker.Policy {
	p := worker.Policy{Hold: c.Policy().Lockout, FailOpen: f.failOpen}
	if f.hold > 0 {
		p.Hold, p.HoldAtStart = machine.Range{Min: f.hold, Max: f.hold}, true
	}
	return p
}

// introduce prints the line of CMD's own DSN and what the guard has against it,
// and returns its key. Nothing is dialled.
func introduce(c config.Config, std streams) (key string) {
	raw, err := c.DSN()
	if err != nil {
		fmt.Fprintf(std.err, "sidecar: warning: %v\n", err)
	}
	if raw == "" {
		return ""
	}
	report := dsn.Judge(raw, c.Rules(), time.Now())
	fmt.Fprintln(std.err, report.DSN.Line())
	if fault := report.First(); fault != nil {
		fmt.Fprintf(std.err, "sidecar: warning: DATABASE_URL: %s: %s\n", fault.Code, fault.Message)
	}
	return report.DSN.Key()
}

// cannotStart says why there is no CMD. Its name is not repeated: it may be a DSN
// in the wrong place.
func cannotStart(err error) error {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return exit.Fail(exit.Missing, "CMD: there is no such program", "its first word has to be a program in PATH, or the path of one")
	}
	message := "CMD: cannot be executed"
	if cause, ok := errors.AsType[syscall.Errno](err); ok {
		message += ": " + cause.Error()
	}
	return exit.Fail(exit.NotExecutable, message, "a script needs execute permission and a first line such as #!/bin/sh")
}
