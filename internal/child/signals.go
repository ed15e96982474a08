package child

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"dragonfly.internal/sidecar/internal/exit"
)

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
