package fleet

import (
	"fmt"
	"strings"
	"time"

	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

const (
	// LeaseFor is how long a lease lasts when it is not kept. A dead leader is replaced
	// within this and one look.
	LeaseFor = 10 * time.Second
	// LookEvery is how often a member looks, and so how far followers are behind.
	LookEvery = time.Second
	// LeaseQuiet is how long a new leader asks nothing: time for every member to write
	// back the window that it knows, if the store has lost it, or its clock was set.
	LeaseQuiet = 3 * time.Second
	// missesToTrust is how many looks in a row have to fail, after a lease has run out,
	// until the last leader takes the store for away and itself for alone.
	missesToTrust = 3
	// asleep is how long a member that runs never goes without a look: one that has
	// stood still does not know what happened meanwhile.
	asleep = 5 * time.Second
	// trialLasts is how long a trial may be out; an older one is nothing that others
	// might not know.
	trialLasts = 30 * time.Second
)

// seat is what a member knows of one room.
type seat struct {
	answer store.Answer
	record machine.Record // of the answer, on our clock as it was measured then
	heard  bool
	lease  store.Lease
	quiet  time.Time // until when we ask nothing under it
	ends   time.Time // of the lease, not later than Redis has it
	epoch  time.Time // when we first heard of it
	free   time.Time // since when nobody has its lease; zero: somebody has
	knows  bool      // we had followed the one before until then
	looked time.Time // when it was asked last, with or without an answer
	misses int       // looks in a row without an answer since then
}

// hear takes an answer to a question that was asked then.
func (s *seat) hear(id string, asked, now time.Time, a store.Answer) {
	before := s.lease
	if a.Epoch != s.answer.Epoch {
		s.epoch, s.knows, s.free = now, s.heard && now.Sub(s.looked) < asleep, time.Time{}
	}
	switch {
	case a.Held():
		s.free = time.Time{}
	case s.free.IsZero():
		s.free = now
	}
	s.looked = now
	s.answer, s.heard, s.misses = a, true, 0
	s.lease = store.Lease{}
	if a.Owner == id && a.Held() {
		s.lease = store.Lease{Epoch: a.Epoch, Fence: a.Fence}
		switch {
		case s.lease == before:
		case a.Rev == "": // since it began, the others have looked as well
			s.quiet = s.epoch.Add(LeaseQuiet)
		default:
			s.quiet = now.Add(LeaseQuiet)
		}
		s.ends = asked.Add(a.Lease.Sub(a.Clock.Read()))
	}
}

// miss notes that no answer came.
func (s *seat) miss(now time.Time) {
	s.looked = now
	if !now.Before(s.ends) {
		s.misses++
	}
}

// holds reports whether the lease is ours. While the store is away the last holder
// goes on; but one that was itself away does not trust the first silence.
func (s *seat) holds(now time.Time) bool {
	return s.lease != store.Lease{} && (now.Before(s.ends) || s.misses >= missesToTrust)
}

// yields reports whether a free room is left to others for now. One that is empty: first
// to who has led, which knows best, then to those that know of a trial, to those that have
// followed, and at last to who is new. One with a trial that is out: to those that have
// seen it begin, since the clock may have been set meanwhile. Each step is a look, so that
// all of one go first.
func (s *seat) yields(now time.Time, trial machine.Begun) bool {
	out := trial.After != "" && now.Sub(trial.At) < trialLasts
	if s.heir(now) || s.answer.Rev != "" && (s.answer.Record.Attempt.After == "" || s.epoch.Before(trial.At)) {
		return false
	}
	patience := LeaseQuiet
	if s.knows {
		patience = 2 * LookEvery
	}
	if s.knows && out {
		patience = LookEvery
	}
	return s.free.IsZero() || now.Before(s.free.Add(patience-LookEvery/2)) // a look too late is a second lost
}

// heir reports whether the lease was ours until now, without a gap, and for so long that
// all have said what they know.
func (s *seat) heir(now time.Time) bool {
	return s.lease != store.Lease{} && now.Before(s.ends) && !now.Before(s.quiet)
}

func leaseName(l store.Lease) string {
	if l == (store.Lease{}) {
		return ""
	}
	return fmt.Sprintf("%s/%d", l.Epoch, l.Fence)
}

// rules are who leads, what a member may do now, and what it writes back.
type rules struct {
	id    string
	self  supervisor.Self
	main  seat // of the key
	own   seat // of our credential, when the leader has another one
	clock store.Clock
	trial machine.Begun // the last that we have heard of the key, on our clock; zero: it has ended
	heard time.Time     // when the store answered last
	err   error         // why it does not answer now
}

// tell takes what the supervisor says of itself. With another key it is another fleet.
func (r *rules) tell(self supervisor.Self) {
	switch before := r.self.Target; {
	case before.Key != self.Target.Key:
		r.main, r.own, r.trial = seat{}, seat{}, machine.Begun{}
	case before.Credential != self.Target.Credential:
		r.own = seat{}
	}
	r.self = self
}

// tag is what the others see of us: who we are, which credential we have, and whether
// it was rejected.
func (r *rules) tag() string {
	held := "ok"
	if r.self.Held {
		held = "held"
	}
	return strings.Join([]string{r.id, r.self.Target.Credential, held}, " ")
}

// mayLead reports whether we are fit to ask for the whole key. One whose credential is
// rejected gives way to one with another, so that the trial after a window is made.
func (r *rules) mayLead(now time.Time) bool {
	if r.self.Target.Fault != "" || r.main.yields(now, r.trial) {
		return false
	}
	if !r.self.Held {
		return true
	}
	for _, tag := range r.main.answer.Members {
		if of := strings.Fields(tag); len(of) == 3 && of[1] != r.self.Target.Credential && of[2] == "ok" {
			return false
		}
	}
	return true
}

// apart reports whether we ask for ourselves: the leader speaks of another credential.
func (r *rules) apart() bool {
	of := r.main.answer.Record.Verdict.Credential
	return r.main.heard && r.main.lease == store.Lease{} && of != "" && of != r.self.Target.Credential && r.self.Target.Fault == ""
}

// room is where we ask, or follow who does.
func (r *rules) room() (store.Room, *seat) {
	if r.apart() {
		return store.Room{Key: r.self.Target.Key, Credential: r.self.Target.Credential}, &r.own
	}
	return store.Room{Key: r.self.Target.Key}, &r.main
}

// look is what we say and want at a look into a room.
func (r *rules) look(now time.Time, s *seat, wants bool, salt []byte) store.Look {
	l := store.Look{
		Member: r.id, Tag: r.tag(), Wants: wants, Lease: s.lease, For: LeaseFor, Salt: salt, Clock: r.clock,
		Epoch: r.main.answer.Epoch, Seen: r.main.answer.Writes, Rev: r.main.answer.Rev, Heir: s.heir(now),
	}
	if now.Before(r.self.Ends) && r.heard != (time.Time{}) { // else there is no clock to bring it on
		l.Window = r.self.Window
	}
	return l
}

// hear takes an answer to a look into a room.
func (r *rules) hear(s *seat, asked, now time.Time, a store.Answer) {
	r.clock = r.clock.Better(a.Clock)
	r.heard, r.err = now, nil
	s.hear(r.id, asked, now, a)
	s.record = r.clock.Local(a.Record)
	if s != &r.main || a.Rev == "" { // what is lost is remembered
		return
	}
	begun := s.record.Attempt
	switch {
	case begun.After == "":
		r.trial = machine.Begun{}
	case r.trial.After == "" || begun.At.After(r.trial.At): // else the clock has been set since
		r.trial = begun
	}
}

// miss notes that the store has not answered.
func (r *rules) miss(now time.Time, err error) {
	r.err = err
	r.main.miss(now)
	r.own.miss(now)
}

// view is what the supervisor is told.
func (r *rules) view(now time.Time) supervisor.View {
	_, s := r.room()
	main := &r.main.answer
	v := supervisor.View{
		Heard: r.heard, Err: r.err, Members: members(main.Members), Salt: main.Salt,
		Leads: r.main.holds(now), Asks: s.holds(now),
		Record:  s.record,
		Settled: r.main.record.Verdict,
		Stamp:   main.Cleared, LiftStamp: main.Lifted,
	}
	if !main.Cleared.IsZero() {
		v.Cleared = r.clock.Ours(main.Cleared)
		v.Record, _ = v.Record.ClearBefore(v.Cleared) // a clearing is of the key's room alone
	}
	v.Record.Windows = r.main.record.Windows
	if s == &r.main && (main.Rev == "" || main.Record.Attempt.After != "") {
		v.Record.Attempt = r.trial
	}
	if v.Asks {
		v.Lease, v.Quiet = leaseName(s.lease), s.quiet
	}
	if main.Held() {
		v.Leader = main.Owner
	}
	if !main.Lifted.IsZero() {
		v.Lifted = r.clock.Ours(main.Lifted)
	}
	return v
}

// members counts those that were seen; one may still be there under an older tag.
func members(tags []string) int {
	seen := make(map[string]bool)
	for _, tag := range tags {
		id, _, _ := strings.Cut(tag, " ")
		seen[id] = true
	}
	return len(seen)
}
