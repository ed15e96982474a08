package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/spf13/pflag"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
	"dragonfly.internal/sidecar/internal/worker"
)

// startFlags are what run and wait have in common.
type startFlags struct {
	exitOnLockout  bool
	stable, jitter time.Duration
}

func (s *startFlags) add(f *pflag.FlagSet) {
	s.jitter = 5 * time.Second
	f.Var(onLockout{&s.exitOnLockout}, "on-lockout", "in a lockout: hold, or exit with code 78")
	f.Var(spanFlag{to: &s.stable, zero: "0"}, "stable", "how long the sidecar has to have been ready")
	f.Var(spanFlag{to: &s.jitter, zero: "0"}, "jitter", "put the start off by a random part of this, against a stampede")
}

// entrance asks the sidecar until its gate opens.
type entrance struct {
	client  health.Client
	address string // of the sidecar, as it may be shown
	gate    *worker.Gate
	std     streams
	key     string // of CMD's own DSN; "" when it is not known
}

// newEntrance needs SIDECAR_URL: a worker's own container has no sidecar in it.
func newEntrance(c config.Config, flags startFlags, policy worker.Policy, std streams) (*entrance, error) {
	if c.SidecarURL == "" {
		return nil, exit.Fail(exit.Failure, "SIDECAR_URL: is not set, so there is nobody to ask", "set it to the sidecar's address, such as http://sidecar.railway.internal:8080")
	}
	policy.ExitOnLockout, policy.Jitter = flags.exitOnLockout, flags.jitter
	return &entrance{
		client:  health.Client{URL: c.SidecarURL, Stable: flags.stable},
		address: c.SidecarAddress().Redacted(),
		gate:    worker.NewGate(policy, rand.Float64),
		std:     std,
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
			fmt.Fprintf(e.std.err, "sidecar: %s\n", line)
		}
		if sleep(ctx, time.Until(verdict.Next)) != nil {
			return context.Cause(ctx)
		}
	}
}

// ask asks once. It warns, once, when the sidecar speaks for another database.
func (e *entrance) ask(ctx context.Context) worker.Answer {
	body, err := e.client.Readiness(ctx)
	if err != nil {
		return worker.Answer{Message: "no sidecar answers at " + e.address}
	}
	if e.key != "" && body.Key != "" && body.Key != e.key {
		fmt.Fprintf(e.std.err, "sidecar: warning: the sidecar speaks for another database (key %s) than CMD's DATABASE_URL (key %s)\n", body.Key, e.key)
		e.key = ""
	}
	return worker.Answer{
		Heard: true, Ready: body.Ready, Message: body.Message,
		Lockout: body.State == string(machine.Lockout),
		RetryIn: time.Duration(body.RetryInSeconds) * time.Second,
	}
}

// onLockout is the flag's hold or exit.
type onLockout struct{ exit *bool }

func (o onLockout) Type() string { return "hold|exit" }

func (o onLockout) String() string {
	if o.exit != nil && *o.exit {
		return "exit"
	}
	return "hold"
}

// Set implements pflag.Value.
func (o onLockout) Set(text string) error {
	if text != "hold" && text != "exit" {
		return errors.New("want hold or exit")
	}
	*o.exit = text == "exit"
	return nil
}

// spanFlag is a span of time as the variables write it. Its zero has a name of
// its own, such as never, or none: then it means that the flag was not given.
type spanFlag struct {
	to   *time.Duration
	zero string
}

func (s spanFlag) Type() string { return "span" }

func (s spanFlag) String() string {
	if s.to == nil || *s.to == 0 {
		return s.zero
	}
	return s.to.String()
}

// Set implements pflag.Value.
func (s spanFlag) Set(text string) error {
	if d, err := machine.ParseSpan(text); text == s.zero || s.zero == "0" && err == nil && d == 0 {
		*s.to = 0
		return nil
	}
	var given config.Span
	if err := given.Decode(text); err != nil {
		if s.zero != "" {
			err = fmt.Errorf("%w, or %s", err, s.zero)
		}
		return err
	}
	*s.to = time.Duration(given)
	return nil
}
