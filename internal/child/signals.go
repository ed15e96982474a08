package child

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"dragonfly.internal/sidecar/internal/exit"
)

// endings are the signals that ask a process to end.
var endings = []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM}

// untilHungUp returns a context that ends with the parent, which main ends for SIGINT
// and SIGTERM, and with the other two endings, which mean something else to other
// commands. Its cause has the exit code.
func untilHungUp(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGQUIT)
	go func() {
		select {
		case told := <-signals:
			cancel(exit.Told(told.(syscall.Signal)))
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}
