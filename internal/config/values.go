package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Span is a span of time between the two bounds.
type Span time.Duration

// Below the least a probe would follow itself without a pause, above the most
// nobody would live to see its end.
const LeastSpan, MostSpan = 10 * time.Millisecond, 30 * 24 * time.Hour

// Decode implements envconfig.Decoder.
func (s *Span) Decode(text string) error {
	d, err := machine.ParseSpan(strings.TrimSpace(text))
	if err != nil || d < LeastSpan || d > MostSpan {
		return errors.New("want a span of time such as 15m, 900s or 900, from 10ms to 720h")
	}
	*s = Span(d)
	return nil
}

// Port is a TCP port; 0 lets the system choose.
type Port uint16

// Decode implements envconfig.Decoder.
func (p *Port) Decode(text string) error {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
	if err != nil {
		return errors.New("want a port from 0 to 65535")
	}
	*p = Port(n)
	return nil
}

// OptionalPort is a port that may be left out; the zero value is none.
type OptionalPort struct {
	Port
	Set bool
}

// Decode implements envconfig.Decoder.
func (p *OptionalPort) Decode(text string) error {
	p.Set = true
	return p.Port.Decode(text)
}

// Count is a number of things, one at least.
type Count int

// mostCount is beyond what descriptors allow anywhere.
const mostCount = 1_000_000

// Decode implements envconfig.Decoder.
func (c *Count) Decode(text string) error {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 1 || n > mostCount {
		return errors.New("want a number from 1 to 1000000")
	}
	*c = Count(n)
	return nil
}

// Mode is the guard's environment.
type Mode dsn.Env

// Decode implements envconfig.Decoder.
func (m *Mode) Decode(text string) error {
	env, err := dsn.ParseEnv(strings.TrimSpace(text))
	*m = Mode(env)
	return err
}

// Counts are the triggers that are lockouts.
type Counts map[machine.Trigger]bool

// Decode implements envconfig.Decoder.
func (c *Counts) Decode(text string) error {
	*c = make(Counts)
	for name := range strings.SplitSeq(text, ",") {
		trigger := machine.Trigger(strings.TrimSpace(name))
		if !slices.Contains(machine.Triggers, trigger) {
			return fmt.Errorf("want a list out of %v", machine.Triggers)
		}
		(*c)[trigger] = true
	}
	return nil
}

// Moment is a time as RFC 3339 writes it.
type Moment time.Time

// Decode implements envconfig.Decoder.
func (m *Moment) Decode(text string) error {
	t, err := time.Parse(time.RFC3339, strings.TrimSpace(text))
	if err != nil {
		return errors.New("want a time such as 2026-01-18T15:04:05Z")
	}
	*m = Moment(t)
	return nil
}
