// Package child is sidecar run and sidecar wait: it asks a sidecar until a start is
// allowed, and stays with CMD as PID 1 does.
package child

import (
	"context"
	"io"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/worker"
)

// Command is CMD: its words, and the environment it gets.
type Command struct{ Args, Environment []string }

// Wait returns when the sidecar has been ready for a time, or says why not.
func Wait(parent context.Context, c config.Config, stable time.Duration, policy worker.Policy, out io.Writer) error {
	ctx, stop := untilHungUp(parent)
	defer stop()
	entrance, err := newEntrance(c, stable, policy, out)
	if err != nil {
		return err
	}
	return entrance.pass(ctx)
}

// pause waits, unless the context ends before.
func pause(ctx context.Context, d time.Duration) error {
	over, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-over.Done()
	return ctx.Err()
}
