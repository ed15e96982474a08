package supervisor

import (
	"maps"
	"time"

	"dragonfly.internal/sidecar/internal/advice"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Snapshot is everything that readers may know, as it was after the last
// transition. It is never changed once published; the time that remains is for
// the reader to compute.
type Snapshot struct {
	machine.Status
	Target   machine.Target
	Judge    func(now time.Time) dsn.Report // see [Snapshot.Report]
	Pending  []dsn.Finding                  // against a new DSN that is not used
	Told     machine.Told                   // what people have been told
	Stopping bool                           // the process is ending; the verdict stays
	Unstored bool                           // the record could not be stored; a restart would forget it
	Attempt  machine.Attempt                // the last probe
	Fleet    *FleetStatus                   // nil: this sidecar shares its store with nobody
	Ledger
}

// Report is the guard's verdict on the DSN at a time; empty without one.
func (s *Snapshot) Report(now time.Time) dsn.Report {
	if s.Judge == nil {
		return dsn.Report{}
	}
	return s.Judge(now)
}

// Speaks reports whether it is this process that tells people of the verdict. In a
// fleet the leader does, and of a refused credential whoever asks with it.
func (s *Snapshot) Speaks() bool {
	f := s.Fleet
	return f == nil || f.Leads || f.Asks && (s.Ready() || s.State == machine.Rejected)
}

// VerdictAge is how long ago a follower has heard the verdict that it shows. follows:
// there is one, and it is another process's.
func (s *Snapshot) VerdictAge(now time.Time) (age time.Duration, follows bool) {
	f := s.Fleet
	if f == nil || f.Asks || f.Heard.IsZero() || s.Target.Fault != "" {
		return 0, false
	}
	return max(0, now.Sub(f.Heard)), true
}

// Situation is what there is to say about the snapshot at that time.
func (s *Snapshot) Situation(now time.Time) advice.Situation {
	situation := advice.Situation{
		Status: s.Status, Host: advice.HostOf(s.Target), Now: now, EverReady: !s.LastSuccess.IsZero(), Pending: len(s.Pending) > 0,
	}
	if s.Attempt.Reason == s.Reason { // what was restored, or a window that was taken over, had another
		situation.Detail, situation.Step = s.Attempt.Detail, s.Attempt.Step
	}
	if age, follows := s.VerdictAge(now); follows && s.Fleet.Away {
		situation.Unheard = age
	}
	return situation
}

// Message is the sentence of /readyz at that time.
func (s *Snapshot) Message(now time.Time) string { return s.Situation(now).Message() }

// Advice tells somebody who is not an engineer what to do at that time, also when
// it lasts.
func (s *Snapshot) Advice(now time.Time) string { return s.Situation(now).Text() }

// RetryTime is the next attempt on the reader's wall clock; zero when there is none.
func (s *Snapshot) RetryTime(now time.Time) time.Time { return s.Situation(now).RetryTime() }

// Remaining is the time until the next attempt, never below zero.
func (s *Snapshot) Remaining(now time.Time) time.Duration { return s.Situation(now).Remaining() }

// lastAttempt is the last probe that says something of the database, after one more.
func (s *Snapshot) lastAttempt(asked time.Time, o machine.Outcome) machine.Attempt {
	if o.Own || o.Reason == "" { // ours, or dropped
		return s.Attempt
	}
	return machine.Attempt{At: asked, Outcome: o}
}

// LocalFault is a fault of our own side, such as no free descriptor. It says nothing
// about the database, and the verdict stays. The zero value is none.
type LocalFault struct {
	At      time.Time
	Message string
}

// Ledger counts what happened since the start.
type Ledger struct {
	Logins      map[machine.Reason]uint64  // by what they ended with
	Lockouts    map[machine.Trigger]uint64 // windows opened
	Violations  uint64                     // connections inside a window: must stay 0
	LastSuccess time.Time
	Latency     Histogram
	LocalFaults uint64          // probes that a fault of our own broke off
	LocalFault  LocalFault      // the last of them
	History     []machine.Entry // oldest first, at most HistoryLength
	Recent      []Login         // oldest first, at most recentLogins
}

// Login is the time of one login, and whether it ended with anything but an answer.
type Login struct {
	At     time.Time
	Failed bool
}

const (
	// HistoryLength is how many changes are kept.
	HistoryLength = 50
	recentLogins  = 3000 // a day at the default interval, for the page's timeline
)

// LatencyBounds are the upper bounds of the login histogram, in seconds.
var LatencyBounds = [...]float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// Histogram holds login durations, cumulative by bound as Prometheus wants them.
type Histogram struct {
	Buckets [len(LatencyBounds)]uint64
	Count   uint64
	Sum     float64 // seconds
}

func (h *Histogram) observe(d time.Duration) {
	for i, bound := range LatencyBounds {
		if d.Seconds() <= bound {
			h.Buckets[i]++
		}
	}
	h.Count++
	h.Sum += d.Seconds()
}

// Total returns the logins so far and how many of them failed.
func (l Ledger) Total() (total, failed uint64) {
	for reason, n := range l.Logins {
		total += n
		if reason != machine.ReasonOK {
			failed += n
		}
	}
	return total, failed
}

// record returns the next ledger; the one before stays as it was published. A
// probe that was broken off leaves no trace but the connection it opened.
func (l Ledger) record(t machine.Transition) Ledger {
	next, o := l, t.Outcome
	if o.Knocked && o.Reason != "" {
		next.Logins = maps.Clone(l.Logins)
		next.Logins[o.Reason]++
		next.Latency.observe(o.Latency)
		next.Recent = extended(l.Recent, recentLogins, Login{t.At.Add(-o.Latency), o.Reason != machine.ReasonOK})
	}
	if !o.Dialled.IsZero() && t.From.State == machine.Lockout && o.Dialled.Before(t.From.Next) {
		next.Violations++
	}
	if o.Own {
		next.LocalFaults++
		next.LocalFault = LocalFault{t.At, o.Message}
	}
	if o.Reason == machine.ReasonOK {
		next.LastSuccess = t.At
	}
	if t.Opened {
		next.Lockouts = maps.Clone(l.Lockouts)
		next.Lockouts[t.To.Trigger]++
	}
	if t.Changed() || t.Opened {
		next.History = extended(l.History, HistoryLength, machine.Entry{At: t.At, From: t.From.State, To: t.To.State, Reason: t.To.Reason, Trigger: t.To.Trigger})
	}
	return next
}

// extended is a list with one more at its end and at most so many, in a copy: a
// published snapshot never changes.
func extended[T any](list []T, most int, last T) []T {
	past := list[max(0, len(list)-most+1):]
	return append(append(make([]T, 0, len(past)+1), past...), last)
}

// newLedger starts every count at zero, so that no series appears late.
func newLedger() Ledger {
	l := Ledger{Logins: make(map[machine.Reason]uint64), Lockouts: make(map[machine.Trigger]uint64)}
	for _, rule := range machine.Rules {
		if rule.State != machine.Misconfigured && rule.State != machine.Starting {
			l.Logins[rule.Reason] = 0
		}
	}
	for _, trigger := range machine.Triggers {
		l.Lockouts[trigger] = 0
	}
	return l
}
