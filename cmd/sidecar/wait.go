package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/worker"
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
			ctx, stop := untilTold(cmd.Context())
			defer stop()
			return waitReady(ctx, c, flags, std)
		},
	}
	flags.add(command.Flags())
	command.Flags().Var(spanFlag{to: &flags.timeout}, "timeout", "give up after this; without it, never")
	return command
}

// waitReady returns when the sidecar says ready.
func waitReady(ctx context.Context, c config.Config, flags waitFlags, std streams) error {
	var policy worker.Policy
	if flags.timeout > 0 {
		policy.Deadline = time.Now().Add(flags.timeout)
	}
	entrance, err := newEntrance(c, flags.startFlags, policy, std)
	if err != nil {
		return err
	}
	return entrance.pass(ctx)
}

// endings are the signals that ask a process to end.
var endings = []os.Signal{syscall.SIGHUP, os.Interrupt, syscall.SIGQUIT, syscall.SIGTERM}

// toldTo is the end that a signal asked for, with the shell's exit code for it.
func toldTo(end os.Signal) error {
	number, _ := end.(syscall.Signal)
	return exit.Fail(128+int(number), fmt.Sprintf("told to end: %s", end), "")
}

// untilTold returns a context that ends with the first signal that asks for it;
// its cause has the exit code.
func untilTold(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, endings...)
	go func() { cancel(toldTo(<-signals)) }()
	endWith(parent, cancel)
	return ctx, func() { signal.Stop(signals) }
}

// endWith ends with the parent, too: main hears a signal that came before we
// listened. One that both hear is given the time to come with its own exit code.
func endWith(parent context.Context, cancel context.CancelCauseFunc) {
	context.AfterFunc(parent, func() {
		<-time.After(100 * time.Millisecond)
		cancel(toldTo(syscall.SIGTERM))
	})
}
