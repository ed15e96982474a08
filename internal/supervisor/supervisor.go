package supervisor

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Prober makes the one login that a permit allows. It keeps to the context's
// deadline and never returns an error: what went wrong is the outcome.
type Prober interface {
	Probe(ctx context.Context, permit Permit) Outcome
}

// Supervisor drives a [Machine]: one goroutine asks for permits, probes, settles
// and publishes. Everybody else reads [Supervisor.Snapshot].
type Supervisor struct {
	policy   Policy
	machine  *Machine
	prober   Prober
	log      *slog.Logger
	snapshot atomic.Pointer[Snapshot]
	reminded time.Time
}

// New returns a supervisor for the target. It asks nothing before [Supervisor.Run].
func New(policy Policy, target Target, prober Prober, log *slog.Logger) *Supervisor {
	s := &Supervisor{
		policy:  policy,
		machine: NewMachine(policy, target, rand.Float64, time.Now()),
		prober:  prober,
		log:     log,
	}
	s.snapshot.Store(&Snapshot{Status: s.machine.Status, Target: target, Ledger: newLedger()})
	return s
}

// Snapshot returns what is known now; it never blocks.
func (s *Supervisor) Snapshot() *Snapshot { return s.snapshot.Load() }

// Run supervises until the context ends, then publishes that the process stops.
func (s *Supervisor) Run(ctx context.Context) {
	now := time.Now()
	s.report(Transition{At: now, To: s.machine.Status})
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(s.pause(time.Now()))
		select {
		case <-ctx.Done():
			last := *s.Snapshot()
			last.Stopping = true
			s.snapshot.Store(&last)
			return
		case <-timer.C:
			s.remind(time.Now())
			s.probe(ctx)
		}
	}
}

// pause is how long nothing is to be done.
func (s *Supervisor) pause(now time.Time) time.Duration {
	next, ok := s.machine.Due()
	if !ok {
		return time.Hour // nothing is due before the configuration changes
	}
	if reminder := s.reminded.Add(reminderEvery); s.reminds(now) && reminder.Before(next) {
		next = reminder
	}
	return next.Sub(now)
}

// probe makes the attempt that is due, if one is.
func (s *Supervisor) probe(ctx context.Context) {
	asked := time.Now()
	permit, err := s.machine.Admit(asked)
	if err != nil {
		return
	}
	probing, cancel := context.WithTimeout(ctx, s.policy.ProbeTimeout)
	defer cancel()
	outcome := s.prober.Probe(probing, permit)
	transition := s.machine.Settle(time.Now(), permit, outcome)
	if ctx.Err() != nil {
		return // the process ends: what it said last stays
	}
	s.publish(transition, asked)
	s.report(transition)
}

// publish replaces the snapshot; readers see all of a transition or none of it.
func (s *Supervisor) publish(t Transition, asked time.Time) {
	last := s.Snapshot()
	s.snapshot.Store(&Snapshot{
		Status:  t.To,
		Target:  last.Target,
		Attempt: Attempt{asked, t.Outcome},
		Ledger:  last.record(t),
	})
}
