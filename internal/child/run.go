//go:build !windows

package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"syscall"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/worker"
)

// Run starts CMD as often as its gate opens, and ends as CMD does.
func Run(parent context.Context, c config.Config, stable time.Duration, policy worker.Policy, cmd Command, out io.Writer) error {
	entrance, err := newEntrance(c, stable, policy, out)
	if err != nil {
		return err
	}
	path, err := exec.LookPath(cmd.Args[0])
	if err != nil {
		return cannotStart(err)
	}
	entrance.key = introduce(c, out)
	kept := newHold(c.HoldDirectory(), c.SidecarURL, entrance.key, cmd.Args)
	if !policy.ExitOnLockout {
		resume(entrance.gate, kept, policy.Hold.Max, out)
	}
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	child := newChild(cancel)
	for {
		if err := entrance.pass(ctx); err != nil {
			return err
		}
		end := worker.End{Started: time.Now()}
		if err := child.start(ctx, path, cmd.Args, withoutOurs(cmd.Environment)); err != nil {
			return err
		}
		entrance.gate.Started()
		end.Code, end.Told = child.wait()
		again, brake := entrance.gate.Ended(time.Now(), end)
		if again {
			child.sweep()
			if err := kept.save(time.Now(), entrance.gate.Held()); err != nil {
				fmt.Fprintf(out, "sidecar: warning: %v; a restart of sidecar run would forget it\n", err)
			}
			continue
		}
		if brake > 0 {
			fmt.Fprintf(out, "sidecar: CMD failed soon after its start; exit code %d is passed on in %s, so that restarts do not lock everybody out\n", end.Code, brake)
			_ = pause(ctx, brake) // a signal cuts it short: the platform knows what it does
		}
		return exit.With(end.Code)
	}
}

// resume goes on with a hold that a run before has left.
func resume(gate *worker.Gate, kept hold, most time.Duration, out io.Writer) {
	until, err := kept.load(time.Now(), most)
	switch {
	case err != nil:
		fmt.Fprintf(out, "sidecar: warning: %v; going on without\n", err)
	case !until.IsZero():
		gate.Resume(until)
		fmt.Fprintf(out, "sidecar: CMD met a lockout before this start, and is held until %s; if the lockout is known to be over, remove %s and start anew\n",
			until.UTC().Format("15:04:05 UTC"), kept.path)
	}
}

// introduce prints the line of CMD's own DSN and what the guard has against it,
// and returns its key. Nothing is dialled.
func introduce(c config.Config, out io.Writer) (key string) {
	raw, err := c.DSN()
	if err != nil {
		fmt.Fprintf(out, "sidecar: warning: %v\n", err)
	}
	if raw == "" {
		return ""
	}
	report := dsn.Judge(raw, c.Rules(), time.Now())
	fmt.Fprintln(out, report.DSN.Line())
	if fault := report.First(); fault != nil {
		fmt.Fprintf(out, "sidecar: warning: DATABASE_URL: %s: %s\n", fault.Code, fault.Message)
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
