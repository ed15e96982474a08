package gate

import (
	"fmt"
	"strings"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor"
)

// StateReport is what is stored: the windows and the hold that are not over.
type StateReport struct {
	Place   string   `json:"place"`
	Lost    string   `json:"lost"` // why it cannot be read; empty: it can
	Windows []Stored `json:"windows"`
	Hold    *Stored  `json:"hold"` // of the DSN supervised last
}

// Stored is one stored window or hold.
type Stored struct {
	Key              string             `json:"key"`
	Reason           supervisor.Reason  `json:"reason"`
	Trigger          supervisor.Trigger `json:"trigger"`
	Since            time.Time          `json:"since"`
	Until            time.Time          `json:"until"`
	RemainingSeconds int64              `json:"remaining_seconds"`
}

// NewStateReport returns what a record says at a time. lost is why there is none
// to be read.
func NewStateReport(place, lost string, record supervisor.Record, now time.Time) StateReport {
	s := StateReport{Place: place, Lost: lost, Windows: []Stored{}}
	for _, w := range record.Windows {
		if w.Until.After(now) {
			s.Windows = append(s.Windows, Stored{w.Key, supervisor.ReasonLockout, w.Trigger, w.Opened, w.Until, supervisor.CeilSeconds(w.Until.Sub(now))})
		}
	}
	if v := record.Verdict; v.State == supervisor.Rejected && v.Next.After(now) {
		s.Hold = &Stored{v.Key, v.Reason, v.Trigger, v.Since, v.Next, supervisor.CeilSeconds(v.Next.Sub(now))}
	}
	return s
}

// Empty reports whether nothing keeps anybody from a login.
func (s StateReport) Empty() bool { return s.Lost == "" && len(s.Windows) == 0 && s.Hold == nil }

// Text is the report for people.
func (s StateReport) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "State: %s\n", s.Place)
	if s.Lost != "" {
		fmt.Fprintf(&b, "LOST: %s. It may have held a window: a sidecar waits for the shortest one after the file was written.\n", s.Lost)
	}
	for _, w := range s.Windows {
		fmt.Fprintf(&b, "WINDOW: %s, %s. No connection attempts until then.\n", w.Trigger, w.span())
	}
	if s.Hold != nil {
		fmt.Fprintf(&b, "HOLD: %s, %s. A changed credential ends it.\n", s.Hold.Reason, s.Hold.span())
	}
	if s.Empty() {
		b.WriteString("No window and no hold is stored.\n")
	}
	return b.String()
}

func (s Stored) span() string {
	return fmt.Sprintf("key %s, since %s, until %s (%ds)", s.Key, clock(s.Since), clock(s.Until), s.RemainingSeconds)
}
