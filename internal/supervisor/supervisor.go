package supervisor

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Prober makes the one login that a permit allows. It keeps to the context's
// deadline and never returns an error: what went wrong is the outcome.
type Prober interface {
	Probe(ctx context.Context, permit machine.Permit) machine.Outcome
}

// Subject is what is supervised: a target, the prober that asks it, and what the
// guard says of its DSN.
type Subject struct {
	Target machine.Target
	Prober Prober
	// Judge gives the guard's verdict at a time: a waiver may end while we run. Nil:
	// there is nothing to say.
	Judge func(now time.Time) dsn.Report
	// Salted is the target with its fingerprints under another salt, which a fleet
	// agrees on. Nil: the salt never changes.
	Salted func(salt []byte) machine.Target
}

// Supervisor drives a [machine.Machine]: one goroutine asks for permits, probes and
// settles. What a transition leads to is always told in one order: first the
// snapshot, so that readers know at once; then the store, so that a restart does;
// then the log line, on which whoever reads it can rely.
type Supervisor struct {
	policy   machine.Policy
	machine  *machine.Machine
	subject  Subject
	pending  []dsn.Finding
	told     machine.Told
	store    Store
	log      *slog.Logger
	snapshot atomic.Pointer[Snapshot]
	changes  chan func(now time.Time) machine.Transition // what others want done, for the one goroutine
	hurry    chan struct{}                               // somebody has seen logins refused

	fleet    Fleet     // the store, when others share it
	view     View      // what is known of them
	lease    string    // under which the machine leads; empty: it follows
	refused  string    // the lease that a writing was refused under
	dropped  time.Time // when an outcome came late
	cleared  time.Time // the last clearing of the fleet that was heeded
	lifted   time.Time // the last lifting of a ban
	salt     []byte    // the fleet's
	followed bool      // a view was taken up

	unread   ReadLate  // reads what could not be read yet; nil: it was
	tried    time.Time // when the store was tried last
	reminded time.Time
	faulted  time.Time // when a fault of our own was last told
}

// New returns a supervisor for a subject. It asks nothing before [Supervisor.Run].
// Without a store the deadline lives in memory.
func New(policy machine.Policy, subject Subject, store Store, log *slog.Logger) *Supervisor {
	now := time.Now()
	s := &Supervisor{
		policy:  policy,
		machine: machine.New(policy, subject.Target, rand.Float64, now),
		subject: subject,
		store:   store,
		log:     log,
		changes: make(chan func(time.Time) machine.Transition),
		hurry:   make(chan struct{}, 1),
	}
	s.fleet, _ = store.(Fleet)
	s.tell(now)
	s.snapshot.Store(&Snapshot{Fleet: s.fleetStatus(), Status: s.machine.Status(now), Target: subject.Target, Judge: subject.Judge, Ledger: newLedger()})
	return s
}

// Snapshot returns what is known now; it never blocks.
func (s *Supervisor) Snapshot() *Snapshot { return s.snapshot.Load() }

// Begin takes up what a process before has left. It is called before
// [Supervisor.Run], again when more is known, or not at all. A record that could
// not be read yet is read until it can be.
func (s *Supervisor) Begin(r machine.Record, unread ReadLate) {
	now := time.Now()
	s.unread, s.tried = unread, now
	t := s.machine.Restore(now, r)
	s.told = r.Told
	next := *s.Snapshot()
	next.Told, next.Status, next.Attempt, next.History = r.Told, t.To, r.Last, r.History
	next.Unstored = unread != nil
	s.snapshot.Store(&next)
}

// Retarget changes what is supervised, between two probes. All that the snapshot says
// changes at once: verdict, key and the guard's findings. It returns when that is
// done, or the context ends.
func (s *Supervisor) Retarget(ctx context.Context, subject Subject) {
	s.change(ctx, func(now time.Time) machine.Transition {
		s.subject, s.pending = subject, nil
		return s.machine.SetTarget(now, subject.Target)
	})
}

// Reload takes up what somebody else has written to the store, between two probes.
func (s *Supervisor) Reload(ctx context.Context) {
	s.change(ctx, func(now time.Time) machine.Transition { return s.readStore(ctx, now) })
}

// Hurry brings the next probe forward, as far as [machine.Machine.Hurry] lets it. It
// never blocks.
func (s *Supervisor) Hurry() {
	select {
	case s.hurry <- struct{}{}:
	default: // it is on its way
	}
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
	s.saveAndReport(ctx)
	s.report(machine.Transition{At: time.Now(), To: s.Snapshot().Status})
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
			s.makeKnown(ctx, change(time.Now()))
		case view := <-s.views():
			s.heedView(ctx, view)
		case <-s.hurry:
			s.publish(s.machine.Hurry(time.Now()), s.Snapshot().Attempt)
		case <-timer.C:
			s.tryStore(ctx, time.Now())
			s.remind(ctx, time.Now())
			s.probe(ctx)
		}
	}
}

// pause is how long nothing is to be done.
func (s *Supervisor) pause(now time.Time) time.Duration {
	next, ok := s.machine.Changes(now)
	if !ok || !next.After(now) && !s.mayAsk(now) {
		next = now.Add(time.Hour) // nothing is due before the configuration changes, or the fleet
	}
	for _, other := range []struct {
		waits bool
		at    time.Time
	}{
		{s.reminds(s.Snapshot().Status, now), s.reminded.Add(reminderEvery)},
		{s.triesStore(now), s.tried.Add(storeEvery)},
	} {
		if other.waits && other.at.Before(next) {
			next = other.at
		}
	}
	return next.Sub(now)
}

// probe makes the attempt that is due, if one is. It is stored before it is made,
// and not made when the store knows of a window.
func (s *Supervisor) probe(ctx context.Context) {
	asked := time.Now()
	if !s.mayAsk(asked) {
		s.publishExpiry(ctx, asked)
		return
	}
	permit, err := s.machine.Admit(asked)
	if err != nil {
		s.publishExpiry(ctx, asked) // a window may have ended, and a hold lasts
		return
	}
	if s.refuses(s.saveAndReport(ctx)) {
		s.machine.Revoke(permit)
	}
	if !s.machine.Holds(permit) {
		return
	}
	probing, cancel := context.WithTimeout(ctx, s.policy.ProbeTimeout)
	defer cancel()
	outcome := s.dropLate(ctx, s.subject.Prober.Probe(probing, permit))
	t := s.machine.Settle(time.Now(), permit, outcome)
	if ctx.Err() != nil { // the process ends: what it said last stays, what it knows is stored
		s.saveAndReport(ctx)
		return
	}
	s.makeAttemptKnown(ctx, t, s.Snapshot().lastAttempt(asked, t.Outcome))
}

// publishExpiry tells of a verdict that has become another one by itself.
func (s *Supervisor) publishExpiry(ctx context.Context, now time.Time) {
	from, to := s.Snapshot().Status, s.machine.Status(now)
	if from != to {
		s.makeKnown(ctx, machine.Transition{At: now, From: from, To: to})
	}
}

// makeKnown makes a transition known: snapshot, store, line.
func (s *Supervisor) makeKnown(ctx context.Context, t machine.Transition) {
	s.makeAttemptKnown(ctx, t, s.Snapshot().Attempt)
}

func (s *Supervisor) makeAttemptKnown(ctx context.Context, t machine.Transition, last machine.Attempt) {
	s.publish(t, last)
	heeded, _ := s.saveRecord(ctx)
	s.report(t)
	if heeded != nil {
		s.report(*heeded)
	}
}

// publish replaces the snapshot; readers see all of a transition or none of it.
func (s *Supervisor) publish(t machine.Transition, last machine.Attempt) {
	before := s.Snapshot()
	s.snapshot.Store(&Snapshot{
		Status:   t.To,
		Target:   s.machine.Target(),
		Judge:    s.subject.Judge,
		Pending:  s.pending,
		Told:     s.told,
		Attempt:  last,
		Ledger:   before.record(t),
		Unstored: before.Unstored,
		Fleet:    s.fleetStatus(),
	})
	s.tell(t.At)
}
