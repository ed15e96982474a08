package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// StatusText is a running sidecar as a person reads it at that time.
func StatusText(s health.Status, now time.Time) string {
	mark := marks[Fail]
	if s.Ready {
		mark = marks[Pass]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s since %s (for %s)\n\n", mark, strings.ToUpper(s.State), clock(s.Since), age(max(0, now.Sub(s.Since))))
	b.WriteString(wrap(s.Advice, textWidth) + "\n")
	var rows [][]string
	for _, row := range StatusRows(s)[2:] { // state and advice stand above
		if row.Name == nextAttempt || row.Name == windowEnd {
			row.Value += ", in " + age(time.Duration(s.RetryInSeconds)*time.Second)
		}
		name := row.Name + ":"
		value := clockTime.ReplaceAllStringFunc(row.Value, func(at string) string { return strings.ReplaceAll(at, " ", unbroken) })
		for _, line := range broken(value, textWidth-nameWidth) {
			rows, name = append(rows, []string{name, strings.ReplaceAll(line, unbroken, " ")}), ""
		}
	}
	return b.String() + columns(rows)
}

// nameWidth is about what the names of the rows take.
const nameWidth = 14

// A date and its time stay in one line: unbroken stands for the spaces in them.
const unbroken = "\x00"

var clockTime = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`)

// The names of the line that says when the sidecar asks again.
const windowEnd, nextAttempt = "Until", "Next attempt"

// StatusRows are the lines of a status. None of them changes with the mere time,
// so that a change is worth a line.
func StatusRows(s health.Status) []Row {
	rows := []Row{{"State", s.State + " since " + clock(s.Since)}, {"Advice", s.Advice}}
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, Row{name, value})
		}
	}
	if s.RetryAt != nil && s.State == string(machine.Lockout) {
		add(windowEnd, clock(*s.RetryAt))
	} else if s.RetryAt != nil {
		add(nextAttempt, clock(*s.RetryAt))
	}
	if !s.Ready && s.Reason != s.State {
		add("Reason", s.Reason)
	}
	add("Trigger", s.Trigger)
	if s.WindowsInRow > 1 {
		add("In a row", fmt.Sprintf("%d windows without a success in between", s.WindowsInRow))
	}
	if last := s.LastAttempt; last != nil && last.Reason != string(machine.ReasonOK) {
		add("Last error", fmt.Sprintf("%s (%s, %s)", last.Message, where(last.Reason, last.Step), clock(last.At)))
	}
	add("Cause", s.Cause)
	for _, f := range s.Guard.Findings {
		add("Finding", fmt.Sprintf("%s: %s %s", f.Code, f.Message, f.Hint))
	}
	for _, f := range s.Guard.Pending {
		add("New DSN", fmt.Sprintf("not used. %s: %s %s", f.Code, f.Message, f.Hint))
	}
	if s.DSN.Host != "" {
		add("Database", fmt.Sprintf("%s:%d, %s, %s", s.DSN.Host, s.DSN.Port, place(s.DSN.PoolerMode, s.Guard.OK), s.Guard.Env))
	}
	if f := s.LocalFault; f != nil {
		add("Own fault", fmt.Sprintf("%s (%d times, last %s); not the database's", f.Message, f.Count, clock(f.At)))
	}
	add("Waiver", waiverState(s.Waiver))
	add("Store", storeState(s.Store))
	if f := s.Fleet; f != nil {
		add("Fleet", fmt.Sprintf("%s. Leader: %s. Members: %d", f.Words(), f.LeaderWords(), f.Members))
		if !f.Answers && f.HeardAt != nil {
			add("Redis", "does not answer since "+clock(*f.HeardAt))
		}
	}
	if p := s.Proxy; p != nil {
		add("Proxy", proxyState(*p))
		for _, held := range p.Held {
			add("Held", held.Client+" until "+clock(held.Until)+": its own logins were refused")
		}
	}
	add("Messages", s.Notifications.Words())
	if !s.Ready || !s.Guard.OK || len(s.Guard.Pending) > 0 {
		add("Runbook", s.Runbook)
	}
	return rows
}

// Changes are the rows that are new, have another value, or are gone.
func Changes(before, after []Row) []Row {
	var changed []Row
	for _, row := range after {
		if !slices.Contains(before, row) {
			changed = append(changed, row)
		}
	}
	for _, old := range before {
		if !slices.ContainsFunc(after, func(row Row) bool { return row.Name == old.Name }) {
			changed = append(changed, Row{old.Name, "-"})
		}
	}
	return changed
}

func waiverState(w health.StatusWaiver) string {
	switch {
	case w.Status == dsn.WaiverNone || w.Expires == nil:
		return string(w.Status)
	case w.Status == dsn.WaiverOver:
		return "expired on " + clock(*w.Expires)
	}
	return fmt.Sprintf("%s until %s: %s", w.Status, clock(*w.Expires), w.Reason)
}

func proxyState(p health.StatusProxy) string {
	if p.Open {
		return "open"
	}
	return "refuses new connections"
}

func storeState(s health.Store) string {
	if !s.Healthy {
		return s.Kind + ", cannot be written"
	}
	if s.Kind == "memory" {
		return "memory: a restart of the sidecar forgets a window"
	}
	return s.Kind
}

// clock is a time on the wall, to the second.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// textWidth is where a sentence is wrapped, within a narrow terminal.
const textWidth = 76

// wrap breaks a sentence between words and indents each line.
func wrap(text string, width int) string {
	return "  " + strings.Join(broken(text, width), "\n  ") + "\n"
}
