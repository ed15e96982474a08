package supervisor

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Prober makes the one login that a permit allows. It keeps to the context's
// deadline and never returns an error: what went wrong is the outcome.
type Prober interface {
	Probe(ctx context.Context, permit machine.Permit) machine.Outcome
}

// Supervisor drives a [Machine]: one goroutine asks for permits, probes, settles,
// publishes and stores. Everybody else reads [Supervisor.Snapshot].
type Supervisor struct {
	policy   machine.Policy
	machine  *machine.Machine
	prober   Prober
	store    Store
	log      *slog.Logger
	snapshot atomic.Pointer[Snapshot]
	changes  chan func(now time.Time) machine.Transition // what others want done, for the one goroutine
	reminded time.Time
}

// New returns a supervisor for the target. It asks nothing before [Supervisor.Run].
// Without a store the deadline lives in memory.
func New(policy machine.Policy, target machine.Target, prober Prober, store Store, log *slog.Logger) *Supervisor {
	s := &Supervisor{
		policy:  policy,
		machine: machine.New(policy, target, rand.Float64, time.Now()),
		prober:  prober,
		store:   store,
		log:     log,
		changes: make(chan func(time.Time) machine.Transition),
	}
	s.snapshot.Store(&Snapshot{Status: s.machine.Status, Target: target, Ledger: newLedger()})
	return s
}

// Snapshot returns what is known now; it never blocks.
func (s *Supervisor) Snapshot() *Snapshot { return s.snapshot.Load() }

// Begin takes up what a process before has left. It is called before
// [Supervisor.Run], if at all.
func (s *Supervisor) Begin(r machine.Record) {
	s.publish(s.machine.Restore(time.Now(), r), Attempt{})
}

// Configure changes what is supervised, between two probes: another target with
// its prober. It returns when that is done, or the context ends.
func (s *Supervisor) Configure(ctx context.Context, target machine.Target, prober Prober) {
	s.change(ctx, func(now time.Time) machine.Transition {
		s.prober = prober
		return s.machine.Configure(now, target)
	})
}

// Adopt takes up what somebody else has written to the store, between two probes.
func (s *Supervisor) Adopt(ctx context.Context, r machine.Record) {
	s.change(ctx, func(now time.Time) machine.Transition { return s.machine.Adopt(now, r) })
}

func (s *Supervisor) change(ctx context.Context, f func(now time.Time) machine.Transition) {
	done := make(chan struct{})
	select {
	case s.changes <- func(now time.Time) machine.Transition { defer close(done); return f(now) }:
		<-done
	case <-ctx.Done():
	}
}

// Run supervises until the context ends, then publishes that the process stops.
func (s *Supervisor) Run(ctx context.Context) {
	s.tell(ctx, machine.Transition{At: time.Now(), To: s.machine.Status})
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
		case change := <-s.changes:
			t := change(time.Now())
			s.publish(t, s.Snapshot().Attempt)
			s.tell(ctx, t)
		case <-timer.C:
			s.remind(ctx, time.Now())
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

// probe makes the attempt that is due, if one is. It is stored before it is made,
// and not made when the store knows of a window.
func (s *Supervisor) probe(ctx context.Context) {
	asked, before := time.Now(), s.machine.Status
	permit, err := s.machine.Admit(asked)
	if err != nil {
		if s.machine.Status != before { // a hold was left when a window ended
			t := machine.Transition{At: asked, From: before, To: s.machine.Status}
			s.publish(t, s.Snapshot().Attempt)
			s.tell(ctx, t)
		}
		return
	}
	if s.keep(ctx); !s.machine.Holds(permit) {
		return
	}
	probing, cancel := context.WithTimeout(ctx, s.policy.ProbeTimeout)
	defer cancel()
	outcome := s.prober.Probe(probing, permit)
	transition := s.machine.Settle(time.Now(), permit, outcome)
	if ctx.Err() != nil {
		return // the process ends: what it said last stays
	}
	s.publish(transition, Attempt{asked, transition.Outcome})
	s.tell(ctx, transition)
}

// publish replaces the snapshot; readers see all of a transition or none of it.
func (s *Supervisor) publish(t machine.Transition, last Attempt) {
	before := s.Snapshot()
	s.snapshot.Store(&Snapshot{
		Status:   t.To,
		Target:   s.machine.Target(),
		Attempt:  last,
		Ledger:   before.record(t),
		Unstored: before.Unstored,
	})
}

// tell stores what has to outlive the process, then logs: whoever reads of a
// window can rely on it.
func (s *Supervisor) tell(ctx context.Context, t machine.Transition) {
	s.keep(ctx)
	s.report(t)
}

// keep writes the record. What somebody else has written meanwhile is adopted
// before. A store that cannot be written is no reason to stop.
func (s *Supervisor) keep(ctx context.Context) {
	if s.store == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	now := time.Now()
	err := s.store.Save(ctx, s.machine.Record(now))
	if conflict, ok := errors.AsType[*ConflictError](err); ok {
		adopted := s.machine.Adopt(now, conflict.Found)
		s.publish(adopted, s.Snapshot().Attempt)
		err = s.store.Save(ctx, s.machine.Record(now))
		s.report(adopted)
	}
	if before := s.Snapshot(); before.Unstored != (err != nil) {
		next := *before
		next.Unstored = err != nil
		s.snapshot.Store(&next)
		s.reportStore(err)
	}
}
