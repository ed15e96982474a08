package supervisor

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// output is what a command has brought about: the log, the verdict, and what is
// stored, with times as they lie from now.
func (s *story) output() string {
	var b strings.Builder
	for line := range strings.Lines(s.log.String()) {
		fmt.Fprintf(&b, "log: %s\n", strings.ReplaceAll(strings.TrimSpace(strings.TrimPrefix(line, "msg=")), `"`, ""))
	}
	s.log.Reset()
	if s.Supervisor == nil {
		return b.String()
	}
	now := time.Now()
	due := "never"
	if at, ok := s.machine.Due(now); ok {
		due = at.Sub(now).String()
	}
	fmt.Fprintf(&b, "%s; asked in %s\n", describe(s.machine.Status(now), now), due)
	var r machine.Record
	if json.Unmarshal(s.stored, &r) == nil {
		fmt.Fprintf(&b, "stored: %s\n", strings.Join(summary(r, now), "; "))
	}
	return b.String()
}

// describe is a verdict in a line; what is zero is left out.
func describe(v machine.Status, now time.Time) string {
	words := []string{string(v.State), string(v.Reason)}
	add := func(wanted bool, format string, value any) {
		if wanted {
			words = append(words, fmt.Sprintf(format, value))
		}
	}
	add(v.Trigger != "", "%s", v.Trigger)
	add(v.Cause != "", "cause=%s", v.Cause)
	add(v.Failures > 0, "failures=%d", v.Failures)
	add(v.WindowsInRow > 0, "windows=%d", v.WindowsInRow)
	add(!v.Since.IsZero(), "since=%s", offset(v.Since, now))
	add(!v.Next.IsZero(), "next=%s", offset(v.Next, now))
	return strings.Join(words, " ")
}

// summary is a record in a few words.
func summary(r machine.Record, now time.Time) (words []string) {
	v := r.Verdict
	words = append(words, describe(machine.Status{
		State: v.State, Reason: v.Reason, Trigger: v.Trigger, Next: v.Next, WindowsInRow: v.Windows}, now))
	for _, w := range r.Windows {
		words = append(words, fmt.Sprintf("window %s %s until %s", w.Key, w.Trigger, offset(w.Until, now)))
	}
	for _, h := range r.Rejected {
		words = append(words, fmt.Sprintf("rejected %s until %s", h.Credential, offset(h.Until, now)))
	}
	for _, key := range slices.Sorted(maps.Keys(r.Bans)) {
		words = append(words, "ban watch "+key)
	}
	if !r.Attempt.At.IsZero() {
		words = append(words, strings.TrimSpace(fmt.Sprintf("attempt begun %s, in a row %d %s", offset(r.Attempt.At, now), r.Attempt.InRow, r.Attempt.After)))
	}
	if !r.Lost.IsZero() {
		words = append(words, "lost "+offset(r.Lost, now))
	}
	return words
}

// offset is a time as it lies from now; a dash for none.
func offset(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	d := t.Sub(now).Round(time.Second)
	if d >= 0 {
		return "+" + d.String()
	}
	return d.String()
}
