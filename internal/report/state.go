package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// StateReport is what is stored: the windows and the hold that are not over.
type StateReport struct {
	Place   string     `json:"place"`
	Lost    string     `json:"lost"` // why it, or what stood there before, cannot be read; empty: it can
	Silent  *time.Time `json:"silent_until"`
	Windows []Stored   `json:"windows"`
	Holds   []Stored   `json:"holds"`
	Unseen  bool       `json:"unseen"` // what is lost could not be looked at, and may be whole

	cleared time.Time
}

// Stored is one stored window or hold.
type Stored struct {
	Key              string          `json:"key"`
	Reason           machine.Reason  `json:"reason"`
	Trigger          machine.Trigger `json:"trigger"`
	Since            time.Time       `json:"since"`
	Until            time.Time       `json:"until"`
	RemainingSeconds int64           `json:"remaining_seconds"`
}

// NewStateReport returns what a record says at a time. lost is why there is none
// to be read, unseen whether it could not be looked at; a sidecar then asks nothing
// for the shortest window. What counts, and how far ahead, a machine says as it does
// at its start.
func NewStateReport(place, lost string, unseen bool, record machine.Record, policy machine.Policy, now time.Time) StateReport {
	s := StateReport{Place: place, Lost: lost, Unseen: unseen, Windows: []Stored{}, Holds: []Stored{}, cleared: record.Cleared}
	m := machine.New(policy, machine.Target{}, nil, now)
	m.Restore(now, record)
	taken := m.Record(now)
	if !taken.Lost.IsZero() {
		s.Silent = new(nextSecond(taken.Lost.Add(policy.Lockout.Min)))
		s.Lost = cmp.Or(lost, "what stood there before could not be read")
	}
	for _, w := range taken.Windows {
		s.Windows = append(s.Windows, Stored{w.Key, machine.ReasonLockout, w.Trigger, w.Opened, nextSecond(w.Until), machine.CeilSeconds(w.Until.Sub(now))})
	}
	for _, r := range taken.Rejected {
		if r.Until.After(now) {
			s.Holds = append(s.Holds, Stored{r.Key, machine.ReasonAuthFailed, "", r.Since, nextSecond(r.Until), machine.CeilSeconds(r.Until.Sub(now))})
		}
	}
	if v := record.Verdict; v.State == machine.Rejected && v.Reason != machine.ReasonAuthFailed && v.Next.After(now) {
		s.Holds = append(s.Holds, Stored{v.Key, v.Reason, v.Trigger, v.Since, nextSecond(v.Next), machine.CeilSeconds(v.Next.Sub(now))})
	}
	return s
}

// Empty reports whether nothing keeps anybody from a login.
func (s StateReport) Empty() bool { return s.Lost == "" && len(s.Windows) == 0 && len(s.Holds) == 0 }

// Text is the report for people.
func (s StateReport) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "State: %s\n", s.Place)
	switch {
	case s.Unseen && s.Silent != nil:
		fmt.Fprintf(&b, "UNREADABLE: %s. It may hold a window: a sidecar that starts now asks nothing until %s, or until it can read it.\n", s.Lost, clock(*s.Silent))
	case s.Unseen:
		fmt.Fprintf(&b, "UNREADABLE: %s. It is too old to hold a window: the next start asks at once.\n", s.Lost)
	case s.Silent != nil:
		fmt.Fprintf(&b, "LOST: %s. It may have held a window: nothing is asked until %s.\n", s.Lost, clock(*s.Silent))
	case s.Lost != "":
		fmt.Fprintf(&b, "LOST: %s. It is too old to hold a window: the next start asks at once.\n", s.Lost)
	}
	for _, w := range s.Windows {
		fmt.Fprintf(&b, "WINDOW: %s, %s. No connection attempts until then.\n", w.Trigger, w.span())
	}
	for _, h := range s.Holds {
		fmt.Fprintf(&b, "HOLD: %s, %s. A changed credential ends it.\n", h.Reason, h.span())
	}
	if s.Empty() {
		b.WriteString("No window and no hold is stored.\n")
	}
	if !s.cleared.IsZero() {
		fmt.Fprintf(&b, "Cleared by hand at %s. A running sidecar takes it up within seconds.\n", clock(s.cleared))
	}
	return b.String()
}

func (s Stored) span() string {
	return fmt.Sprintf("key %s, since %s, until %s (%ds)", s.Key, clock(s.Since), clock(s.Until), s.RemainingSeconds)
}

// nextSecond rounds an end up, as /readyz does: whoever waits for it is not early.
func nextSecond(t time.Time) time.Time {
	return t.Add(time.Second - 1).UTC().Truncate(time.Second)
}
