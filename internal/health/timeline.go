package health

import (
	"time"

	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// extent is what a timeline shows, to scale: the past, and a little of what is to come,
// so that the end of a window is on it.
type extent struct {
	past, ahead, step time.Duration // step is between two labels
}

// The page has a day, and an hour of it at closer range when something changed in it.
var (
	lastDay  = extent{24 * time.Hour, time.Hour, 6 * time.Hour}
	lastHour = extent{time.Hour, 36 * time.Minute, 15 * time.Minute}
)

// kind is how a stretch of the timeline is drawn; its value is the class it gets.
type kind string

const (
	kindReady  kind = "ready"
	kindDown   kind = "down"
	kindWindow kind = "window"
	kindIdle   kind = "idle"  // no verdict yet
	kindAhead  kind = "ahead" // the rest of a window
)

// stretch is a time during which the timeline looks the same.
type stretch struct {
	from, to time.Time
	kind     kind
}

func kindOf(state machine.State) kind {
	switch state {
	case machine.Ready:
		return kindReady
	case machine.Lockout:
		return kindWindow
	case machine.Starting, "":
		return kindIdle
	}
	return kindDown
}

// stretches are the timeline's from the start of the process on, oldest first, each
// cut to what the timeline shows. What is before the first of them is not known.
func stretches(s *supervisor.Snapshot, started, now time.Time, e extent) (all []stretch) {
	begin := now.Add(-e.past)
	add := func(from, to time.Time, k kind) {
		if from.Before(begin) {
			from = begin
		}
		if to.After(from) {
			all = append(all, stretch{from, to, k})
		}
	}
	from, state := started, s.State
	if len(s.History) > 0 {
		state = s.History[0].From
		if first := s.History[0].At; len(s.History) == supervisor.HistoryLength || first.Before(from) {
			from = first // older changes are forgotten
		}
	}
	for _, entry := range s.History {
		add(from, entry.At, kindOf(state))
		from, state = entry.At, entry.To
	}
	add(from, now, kindOf(state))
	if end := s.RetryAt(); s.State == machine.Lockout && end.After(now) {
		if last := now.Add(e.ahead); end.After(last) {
			end = last
		}
		add(now, end, kindAhead)
	}
	return all
}

// tally sums the stretches up by kind.
func tally(all []stretch) map[kind]time.Duration {
	sums := make(map[kind]time.Duration)
	for _, one := range all {
		sums[one.kind] += one.to.Sub(one.from)
	}
	return sums
}

// run is a row of logins so close to each other that they are drawn as one.
type run struct{ from, to time.Time }

// runs joins the logins that are less than gap apart and leaves out the failed ones
// and those before begin, which it counts.
func runs(logins []supervisor.Login, begin time.Time, gap time.Duration) (rows []run, failed []time.Time, total int) {
	for _, login := range logins {
		if login.At.Before(begin) {
			continue
		}
		total++
		if login.Failed {
			failed = append(failed, login.At)
			continue
		}
		if last := len(rows) - 1; last >= 0 && login.At.Sub(rows[last].to) < gap {
			rows[last].to = login.At
			continue
		}
		rows = append(rows, run{login.At, login.At})
	}
	return rows, failed, total
}
