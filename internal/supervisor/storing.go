package supervisor

import (
	"cmp"
	"context"
	"errors"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// saveAndReport is saveRecord without a transition of our own to tell of.
func (s *Supervisor) saveAndReport(ctx context.Context) error {
	heeded, err := s.saveRecord(ctx)
	if heeded != nil {
		s.report(*heeded)
	}
	return err
}

// saveRecord writes the record. What somebody else has written meanwhile is heeded
// before, and returned when it changed anything. A store that cannot be written is
// no reason to stop, unless it says that the attempt is another's; one that was not read
// yet is not written over.
func (s *Supervisor) saveRecord(ctx context.Context) (heeded *machine.Transition, err error) {
	if s.store == nil || s.unread != nil || s.fleet != nil && s.lease == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	now := time.Now()
	s.tried = now
	err = s.store.Save(ctx, s.record(now))
	if conflict, ok := errors.AsType[*ConflictError](err); ok {
		t := s.machine.Heed(now, conflict.Found)
		s.publish(t, s.Snapshot().Attempt)
		err = s.store.Save(ctx, s.record(now))
		heeded = &t
	}
	if _, refused := errors.AsType[*NotOursError](err); refused {
		s.refused, s.lease = s.lease, "" // whoever writes now is heard within a second
		return heeded, err
	}
	s.markStored(err)
	return heeded, err
}

// record is the machine's, with what explains it to people.
func (s *Supervisor) record(now time.Time) machine.Record {
	r, known := s.machine.Record(now), s.Snapshot()
	r.Last, r.History, r.Told = known.Attempt, known.History, known.Told
	return r
}

// triesStore reports whether the store is to be tried before something is to be
// stored. While a deadline stands, an operator may clear it.
func (s *Supervisor) triesStore(now time.Time) bool {
	v := s.machine.Status(now)
	stands := v.State == machine.Lockout || v.State == machine.Rejected || v.Reason == machine.ReasonStoreLost
	stands = stands && s.fleet == nil // which tells by itself
	return s.unread != nil || s.Snapshot().Unstored || s.store != nil && stands && now.Before(v.Next)
}

// tryStore reads again what could not be read, writes what could not be written, or
// looks whether somebody has cleared it.
func (s *Supervisor) tryStore(ctx context.Context, now time.Time) {
	if !s.triesStore(now) || now.Before(s.tried.Add(storeEvery)) {
		return
	}
	s.tried = now
	switch {
	case s.unread != nil:
		reading, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		if r, subject, err := s.unread(reading); err == nil {
			s.unread, s.subject = nil, subject
			if s.told.IsZero() {
				s.told = r.Told
			}
			s.machine.SetTarget(time.Now(), subject.Target)
			s.log.Warn("what was stored can be read again, and counts")
			s.makeAttemptKnown(ctx, s.machine.Found(time.Now(), r), cmp.Or(s.Snapshot().Attempt, r.Last))
		}
	case s.Snapshot().Unstored:
		s.saveAndReport(ctx)
	default:
		if t := s.readStore(ctx, now); t.From != t.To {
			s.makeKnown(ctx, t)
		}
	}
}

// readStore heeds what somebody else has written to the store, and says so.
func (s *Supervisor) readStore(ctx context.Context, now time.Time) machine.Transition {
	v := s.machine.Status(now)
	same := machine.Transition{At: now, From: v, To: v}
	if s.store == nil || s.unread != nil {
		return same
	}
	reading, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	r, changed, err := s.store.Load(reading)
	switch {
	case err != nil || !changed: // saving says what is wrong with a store
		return same
	case !r.Cleared.IsZero():
		s.log.Warn("the stored window was cleared by hand; what it says counts")
	case r.Lifted != (machine.Lift{}):
		s.log.Warn("a ban was lifted by hand; what it says counts")
	default:
		s.log.Warn("somebody else has written to the store; what it says counts")
	}
	return s.machine.Heed(now, r)
}

// markStored makes known whether the record is stored.
func (s *Supervisor) markStored(err error) {
	before := s.Snapshot()
	if before.Unstored == (err != nil) {
		return
	}
	next := *before
	next.Unstored = err != nil
	s.snapshot.Store(&next)
	s.reportStore(err)
}
