package child

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
	"dragonfly.internal/sidecar/internal/worker"
)

// entrance asks the sidecar until its gate opens.
type entrance struct {
	client health.Client
	gate   *worker.Gate
	out    io.Writer // what it waits for
	key    string    // of CMD's own DSN; "" when it is not known
}

// newEntrance needs SIDECAR_URL: a worker's own container has no sidecar in it.
func newEntrance(c config.Config, stable time.Duration, policy worker.Policy, out io.Writer) (*entrance, error) {
	if c.SidecarURL == "" {
		return nil, exit.Fail(exit.Failure, "SIDECAR_URL: is not set, so there is nobody to ask", "set it to the sidecar's address, such as http://sidecar.railway.internal:8080")
	}
	return &entrance{
		client: health.Client{URL: c.SidecarURL, Stable: stable},
		gate:   worker.NewGate(policy, rand.Float64),
		out:    out,
	}, nil
}

// pass returns when a start is allowed, or why there will be none. It says what
// it waits for.
func (e *entrance) pass(ctx context.Context) error {
	for {
		answer := e.ask(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		now := time.Now()
		verdict := e.gate.Settle(now, answer)
		switch verdict.Do {
		case worker.Start:
			return nil
		case worker.Locked:
			return exit.Fail(exit.Lockout, "the sidecar reports a lockout: "+answer.Message, "wait until it is over; do not restart services: every restart is another login")
		case worker.Late:
			return exit.Fail(exit.Failure, "not ready in time: "+answer.Message, "sidecar status says what is wrong, and until when")
		}
		if line := e.gate.Remark(now); line != "" {
			fmt.Fprintf(e.out, "sidecar: %s\n", line)
		}
		if pause(ctx, time.Until(verdict.Next)) != nil {
			return context.Cause(ctx)
		}
	}
}

// ask asks once. It warns, once, when the sidecar speaks for another database.
func (e *entrance) ask(ctx context.Context) worker.Answer {
	body, err := e.client.Readiness(ctx)
	if err != nil {
		return worker.Answer{Message: health.Unanswered(err)}
	}
	if e.key != "" && body.Key != "" && body.Key != e.key {
		fmt.Fprintf(e.out, "sidecar: warning: the sidecar speaks for another database (key %s) than CMD's DATABASE_URL (key %s)\n", body.Key, e.key)
		e.key = ""
	}
	return worker.Answer{
		Heard: true, Ready: body.Ready, Message: body.Message,
		Lockout: body.State == string(machine.Lockout),
		RetryIn: time.Duration(body.RetryInSeconds) * time.Second,
	}
}
