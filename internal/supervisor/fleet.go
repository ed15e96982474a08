package supervisor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Fleet is a [Store] that several processes share, of which one asks the database.
// Its Save is the fence: right before an attempt it is refused with a
// [*NotOursError] when the attempt is somebody else's to make.
type Fleet interface {
	Store
	// Views brings what is known of the others, once a second and when it changes.
	Views() <-chan View
	// Tell says what this process speaks for and knows. It never blocks.
	Tell(Self)
	// Ours reports whether the lease under which an attempt was made has been ours all
	// the while. It returns by the context's deadline.
	Ours(ctx context.Context, lease string) bool
}

// View is what a member of a fleet knows of it. The zero value knows nothing, and
// asks nothing.
type View struct {
	Heard time.Time // when the store answered last; zero: not yet
	Err   error     // why it does not answer now; nil: it does

	Leads   bool   // this process leads the fleet of its key: the trial is its to make
	Asks    bool   // it asks for all with its credential
	Lease   string // under which it asks; another one each time; empty: it does not ask
	Leader  string // who leads; empty: nobody does
	Members int

	Quiet   time.Time       // it asks nothing before: the others may know a window that the store has lost
	Record  machine.Record  // of whoever asks with our credential, and the window of the key
	Settled machine.Verdict // the leader's, whatever its credential
	Salt    []byte
	// Cleared is the last time before which an operator has declared everything over,
	// on our clock; Stamp tells one such word from another.
	Cleared, Stamp time.Time
	// Lifted and LiftStamp are the same of a ban of our key that was lifted.
	Lifted, LiftStamp time.Time
}

// Self is what a member says of itself.
type Self struct {
	Target machine.Target
	Window machine.Window // the one of its key that is in force
	Ends   time.Time      // of it, on the clock that nobody sets
	Held   bool           // its credential was rejected
	Stamp  time.Time      // of the last clearing that it has heeded
}

// NotOursError refuses an attempt and a writing: they are somebody else's.
type NotOursError struct {
	Holder string // who has the lease; empty: nobody is known to
	Why    string
}

func (e *NotOursError) Error() string {
	if e.Holder == "" {
		return "this sidecar does not ask for the fleet: " + e.Why
	}
	return fmt.Sprintf("the sidecar %s asks for the fleet: %s", e.Holder, e.Why)
}

// FleetStatus is what readers may know of the fleet.
type FleetStatus struct {
	Leads   bool
	Members int
	Leader  string
	Heard   time.Time // when the store answered last
	Away    bool      // it does not answer now
	Asks    bool      // the verdict is this process's own
}

// mayAsk reports whether an attempt is this process's to make.
func (s *Supervisor) mayAsk(now time.Time) bool {
	if s.fleet == nil {
		return true
	}
	v := s.view
	waits := !v.Leads && (s.machine.Trial() || v.Settled.Trial())
	return s.unread == nil && v.Asks && v.Lease == s.lease && !now.Before(v.Quiet) && !waits
}

// views is nil without a fleet, which nothing comes from.
func (s *Supervisor) views() <-chan View {
	if s.fleet == nil {
		return nil
	}
	return s.fleet.Views()
}

// heedView takes up what is known of the fleet.
func (s *Supervisor) heedView(ctx context.Context, v View) {
	now := time.Now()
	if v.Lease != "" && (v.Lease == s.refused || v.Heard.Before(s.dropped)) { // it was looked up before that
		v.Leads, v.Asks, v.Lease = false, false, ""
	}
	s.view = v
	from, last := s.machine.Status(now), s.Snapshot().Attempt
	if s.unread == nil && v.Err == nil {
		last = s.followView(now, v)
	}
	if !v.Asks && now.Sub(v.Heard) > machine.VerdictPatience {
		s.machine.Forget(now)
	}
	to := s.machine.Status(now)
	took := v.Asks && v.Lease != "" && s.lease != v.Lease && v.Err == nil && s.unread == nil
	if took {
		s.lease = v.Lease
	}
	if from != to || took {
		s.makeAttemptKnown(ctx, machine.Transition{At: now, From: from, To: to}, last)
	} else {
		s.publish(machine.Transition{At: now, From: from, To: to}, last)
	}
	if !v.Asks || v.Err != nil {
		s.markStored(v.Err)
	}
}

// followView makes the machine know what the others know, and returns the last
// attempt of whoever asks.
func (s *Supervisor) followView(now time.Time, v View) machine.Attempt {
	last := s.Snapshot().Attempt
	if target := s.subject.Salted; target != nil && len(v.Salt) > 0 && !bytes.Equal(v.Salt, s.salt) {
		s.salt, s.subject.Target = v.Salt, target(v.Salt)
		s.machine.Rename(s.subject.Target)
	}
	if v.Stamp.After(s.cleared) {
		if s.followed { // else it is no news
			s.log.Warn("the stored window was cleared by hand; what it says counts")
		}
		s.machine.Heed(now, machine.Record{Cleared: v.Cleared})
		s.cleared = v.Stamp
	}
	if v.LiftStamp.After(s.lifted) {
		if s.followed {
			s.log.Warn("a ban was lifted by hand; what it says counts")
			s.machine.Heed(now, machine.Record{Lifted: machine.Lift{Key: s.machine.Target().Key, At: v.Lifted}})
		}
		s.lifted = v.LiftStamp
	}
	s.followed = true
	s.followTold(v)
	switch {
	case v.Asks && v.Lease != s.lease:
		s.machine.Lead(now, v.Record)
	case v.Asks:
		s.machine.Heed(now, machine.Record{Windows: v.Record.Windows})
	default:
		s.lease = ""
		s.machine.Follow(now, v.Record)
		if !v.Record.Last.At.IsZero() {
			last = v.Record.Last
		}
	}
	s.machine.EndTrial(now, v.Settled)
	return last
}

// followTold takes up what people were told by whoever asks, or asked before us: a new
// leader goes on from there. What a store has lost, or never heard, stays as we know it.
func (s *Supervisor) followTold(v View) {
	took := v.Asks && v.Lease != s.lease
	switch empty := v.Record.Verdict.Key == ""; {
	case v.Asks && !took, v.Leads && s.told.Last.After(v.Record.Told.Last):
	case !empty:
		s.told = v.Record.Told
	case took && !v.Leads: // what was told of the leader's credential is not of ours
		s.told = machine.Told{}
	}
}

// tell says to the fleet what this process knows now.
func (s *Supervisor) tell(now time.Time) {
	if s.fleet == nil {
		return
	}
	self := Self{Target: s.machine.Target(), Stamp: s.cleared}
	r := s.machine.Record(now)
	for _, w := range r.Windows {
		if w.Key == self.Target.Key {
			self.Window, self.Ends = w, s.machine.Status(now).Next
		}
	}
	self.Held = s.machine.Status(now).State == machine.Rejected
	s.fleet.Tell(self)
}

// fleetStatus is what readers may know; nil without a fleet.
func (s *Supervisor) fleetStatus() *FleetStatus {
	if s.fleet == nil {
		return nil
	}
	v := s.view
	return &FleetStatus{Leads: v.Leads, Members: v.Members, Leader: v.Leader, Heard: v.Heard, Away: v.Err != nil, Asks: v.Asks}
}

// dropLate is the outcome of an attempt, or nothing when the lease has ended
// meanwhile: somebody else may know better by now.
func (s *Supervisor) dropLate(ctx context.Context, o machine.Outcome) machine.Outcome {
	if s.fleet == nil {
		return o
	}
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if s.fleet.Ours(asking, s.lease) {
		return o
	}
	s.lease, s.dropped = "", time.Now() // if it is ours again, it is taken up anew
	s.log.Warn("this sidecar was away for longer than its lease; what it found is dropped", "reason", o.Reason)
	return machine.Outcome{Knocked: o.Knocked, Dialled: o.Dialled}
}

// refuses reports whether a store keeps an attempt from being made.
func (s *Supervisor) refuses(err error) bool {
	_, refused := errors.AsType[*NotOursError](err)
	_, overtaken := errors.AsType[*ConflictError](err)
	return refused || overtaken && s.fleet != nil
}
