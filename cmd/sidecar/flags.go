package main

import (
	"errors"
	"fmt"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
	"dragonfly.internal/sidecar/internal/worker"
	"github.com/spf13/pflag"
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

// policy is what the flags say of a start.
func (s *startFlags) policy() worker.Policy {
	return worker.Policy{ExitOnLockout: s.exitOnLockout, Jitter: s.jitter}
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
