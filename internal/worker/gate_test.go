package worker

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

var epoch = time.Date(2026, 1, 18, 15, 0, 0, 0, time.UTC)

// run plays "sidecar run" for a while, without a process or a clock: the sidecar
// is a function of the time, CMD ends with its code after it ran for a while.
type run struct {
	policy  Policy
	sidecar func(after time.Duration) Answer
	code    func(start int) int // of the n-th start, from 1
	runs    time.Duration
	random  func() float64
}

// story is what came of it.
type story struct {
	starts []time.Duration
	code   int // with which run ended; -1 while it goes on
	asked  []time.Duration
	lines  []string
}

func (r run) play(lasts time.Duration) (s story) {
	s.code = -1
	if r.random == nil {
		r.random = rand.Float64
	}
	gate, now := NewGate(r.policy, r.random), epoch
	for now.Sub(epoch) < lasts {
		after := now.Sub(epoch)
		s.asked = append(s.asked, after)
		verdict := gate.Settle(now, r.sidecar(after))
		switch verdict.Do {
		case Locked:
			s.code = exit.Lockout
			return s
		case Late:
			s.code = 1
			return s
		case Wait:
			if line := gate.Remark(now); line != "" {
				s.lines = append(s.lines, fmt.Sprintf("%s %s", after.Truncate(time.Second), line))
			}
			if !verdict.Next.After(now) {
				panic("the next question is not later")
			}
			now = verdict.Next
			continue
		}
		if s.starts = append(s.starts, after); len(s.starts) > 1000 {
			panic("CMD is started again and again")
		}
		gate.Started()
		end := End{Code: r.code(len(s.starts)), Started: now}
		now = now.Add(r.runs)
		if again, pause := gate.Ended(now, end); !again {
			s.code = end.Code
			s.asked = append(s.asked, now.Add(pause).Sub(epoch)) // the end
			return s
		}
	}
	return s
}

func always(code int) func(int) int { return func(int) int { return code } }

var (
	ready  = Answer{Heard: true, Ready: true, Message: "The database answers."}
	down   = Answer{Heard: true, Message: "down"}
	locked = Answer{Heard: true, Lockout: true, RetryIn: 10 * time.Minute, Message: "Lockout backoff"}
	away   = Answer{Message: "no sidecar answers"}
)

func says(a Answer) func(time.Duration) Answer { return func(time.Duration) Answer { return a } }

// then changes the answer at the given times.
func then(first Answer, later ...any) func(time.Duration) Answer {
	return func(after time.Duration) Answer {
		answer := first
		for i := 0; i < len(later); i += 2 {
			if after >= later[i].(time.Duration) {
				answer = later[i+1].(Answer)
			}
		}
		return answer
	}
}

func exactly(d time.Duration) machine.Range { return machine.Range{Min: d, Max: d} }

// TestAlways78: in a minute at most 4 starts, no two less than the hold apart,
// whether or not the sidecar stays ready; and none while it is not.
func TestAlways78(t *testing.T) {
	flapping := func(after time.Duration) Answer {
		if after%(12*time.Second) < 3*time.Second {
			return locked
		}
		return ready
	}
	for name, sidecar := range map[string]func(time.Duration) Answer{
		"stays ready": says(ready), "does not": then(ready, 3*time.Second, locked, 50*time.Second, ready), "flaps": flapping,
	} {
		starts := 0
		for range 100 {
			s := run{policy: Policy{Hold: exactly(20 * time.Second), HoldAtStart: true, Jitter: 5 * time.Second}, sidecar: sidecar, code: always(exit.Lockout)}.play(time.Minute)
			if starts += len(s.starts); len(s.starts) > 4 {
				t.Fatalf("%s: %d starts", name, len(s.starts))
			}
			for i, at := range s.starts {
				if !sidecar(at).Ready || i > 0 && at-s.starts[i-1] < 20*time.Second {
					t.Fatalf("%s: starts at %s", name, s.starts)
				}
			}
		}
		if starts < 100 {
			t.Errorf("%s: %d starts in 100 minutes", name, starts)
		}
	}
}

// TestGate: when CMD is started, and with what code run ends.
func TestGate(t *testing.T) {
	const hold = 20 * time.Second
	holding := Policy{Hold: exactly(hold)}
	for name, c := range map[string]struct {
		run
		lasts  time.Duration
		starts [][2]time.Duration // the bounds of each
		code   int
	}{
		"ready at once": {run{sidecar: says(ready), code: always(7), runs: time.Hour}, time.Minute, [][2]time.Duration{{0, 0}}, 7},
		"jitter":        {run{policy: Policy{Jitter: time.Minute}, sidecar: says(ready), code: always(0), runs: 1}, time.Hour, [][2]time.Duration{{0, time.Minute}}, 0},
		"late":          {run{sidecar: then(down, 10*time.Second, ready), code: always(0), runs: 1}, time.Hour, [][2]time.Duration{{10 * time.Second, 12400 * time.Millisecond}}, 0},
		"lost while released": {run{policy: Policy{Jitter: 4 * time.Second}, random: func() float64 { return 0.99 },
			sidecar: then(ready, 3*time.Second, locked, 10*time.Second, ready), code: always(0), runs: 1}, time.Hour, [][2]time.Duration{{13 * time.Second, 17 * time.Second}}, 0},
		"lockout, to end":          {run{policy: Policy{ExitOnLockout: true}, sidecar: says(locked)}, time.Hour, nil, exit.Lockout},
		"lockout later, to end":    {run{policy: Policy{ExitOnLockout: true}, sidecar: then(down, 8*time.Second, locked)}, time.Hour, nil, exit.Lockout},
		"78, to end":               {run{policy: Policy{ExitOnLockout: true}, sidecar: says(ready), code: always(exit.Lockout)}, time.Hour, [][2]time.Duration{{0, 0}}, exit.Lockout},
		"its window is the hold":   {run{policy: holding, sidecar: then(locked, 5*time.Second, ready), code: always(0), runs: 1}, time.Hour, [][2]time.Duration{{5 * time.Second, 8 * time.Second}}, 0},
		"a hold at the start":      {run{policy: Policy{Hold: exactly(hold), HoldAtStart: true}, sidecar: then(locked, 5*time.Second, ready), code: always(0), runs: 1}, time.Hour, [][2]time.Duration{{hold, hold}}, 0},
		"ready before the hold":    {run{policy: holding, sidecar: says(ready), code: func(n int) int { return []int{exit.Lockout, 0}[n-1] }, runs: 1}, time.Hour, [][2]time.Duration{{0, 0}, {hold, hold + 1}}, 0},
		"ready after the hold":     {run{policy: holding, sidecar: then(ready, time.Second, locked, time.Minute, ready), code: func(n int) int { return []int{exit.Lockout, 0}[n-1] }, runs: 1}, time.Hour, [][2]time.Duration{{0, 0}, {time.Minute, time.Minute + 3*time.Second}}, 0},
		"never without an answer":  {run{policy: holding, sidecar: says(away)}, 24 * time.Hour, nil, -1},
		"once without an answer":   {run{policy: Policy{Hold: exactly(hold), FailOpen: 20 * time.Minute}, sidecar: says(away), code: always(exit.Lockout)}, 24 * time.Hour, [][2]time.Duration{{20 * time.Minute, 20*time.Minute + 30*time.Second}}, -1},
		"a short fail-open":        {run{policy: Policy{FailOpen: time.Second}, sidecar: says(away), code: always(0)}, time.Hour, [][2]time.Duration{{time.Second, 5 * time.Second}}, 0},
		"its last window first":    {run{policy: Policy{FailOpen: time.Minute}, sidecar: then(locked, 5*time.Second, away), code: always(0)}, time.Hour, [][2]time.Duration{{10 * time.Minute, 11 * time.Minute}}, 0},
		"back in time":             {run{policy: Policy{FailOpen: 20 * time.Minute}, sidecar: then(away, 19*time.Minute, down, 30*time.Minute, away, 45*time.Minute, ready), code: always(0)}, 2 * time.Hour, [][2]time.Duration{{45 * time.Minute, 46 * time.Minute}}, 0},
		"again after it came back": {run{policy: Policy{Hold: exactly(hold), FailOpen: time.Minute}, sidecar: then(away, 10*time.Minute, down, 11*time.Minute, away), code: always(exit.Lockout)}, time.Hour, [][2]time.Duration{{time.Minute, 2 * time.Minute}, {12 * time.Minute, 13 * time.Minute}}, -1},
		"too late":                 {run{policy: Policy{Deadline: epoch.Add(time.Minute)}, sidecar: says(down)}, time.Hour, nil, 1},
		"jitter past the deadline": {run{policy: Policy{Deadline: epoch.Add(time.Second), Jitter: time.Hour}, sidecar: says(ready), code: always(0)}, time.Hour, [][2]time.Duration{{0, time.Second}}, 0},
	} {
		s := c.play(c.lasts)
		if s.code != c.code || len(s.starts) != len(c.starts) {
			t.Errorf("%s: code %d, starts at %s", name, s.code, s.starts)
			continue
		}
		for i, at := range s.starts {
			if at < c.starts[i][0] || at > c.starts[i][1] {
				t.Errorf("%s: start %d at %s", name, i+1, at)
			}
		}
	}
}

// TestRhythm: the sidecar is asked every 2 s +-20 %, and what is waited for is
// said at once when it changes, then once a minute.
func TestRhythm(t *testing.T) {
	s := run{policy: Policy{Hold: exactly(150 * time.Second), HoldAtStart: true, FailOpen: 20 * time.Minute},
		sidecar: then(locked, 100*time.Second, ready, 120*time.Second, down, 200*time.Second, away)}.play(250 * time.Second)
	seen := make(map[bool]int)
	for i, at := range s.asked[1:] {
		gap := at - s.asked[i]
		seen[gap < every]++
		if gap > 2400*time.Millisecond || gap < 1600*time.Millisecond && at != 150*time.Second {
			t.Errorf("asked at %s, %s after the question before", at, gap)
		}
	}
	if len(s.starts) != 0 || seen[true] < 20 || seen[false] < 20 {
		t.Errorf("starts at %s, shorter and longer gaps: %v", s.starts, seen)
	}
	want := []string{
		"0s holding after a lockout: 150s (2m) remaining; Lockout backoff", "60s", "100s holding after a lockout: 50s remaining; the sidecar says ready",
		"120s holding after a lockout: 30s remaining; down", "150s waiting: down", "200s waiting: no sidecar answers; a start without it is allowed in 1200s (20m)",
	}
	if len(s.lines) != len(want) {
		t.Fatalf("%q", s.lines)
	}
	for i, line := range s.lines {
		at, words, _ := strings.Cut(line, " ")
		said, _ := time.ParseDuration(at)
		wanted, wants, _ := strings.Cut(want[i], " ")
		if due, _ := time.ParseDuration(wanted); said < due || said > due+3*time.Second || !plausible(words, wants) {
			t.Errorf("%q, want %q", line, want[i])
		}
	}
}

// plausible compares lines, but for the seconds that jitter moves.
func plausible(got, want string) bool {
	plain := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return -1
			}
			return r
		}, s)
	}
	return want == "" || plain(got) == plain(want)
}

// TestEnds: what follows CMD's end, and the brake on a quick failure.
func TestEnds(t *testing.T) {
	for _, c := range []struct {
		end   End
		ran   time.Duration
		again bool
		pause time.Duration
	}{
		{End{Code: 0}, time.Second, false, 0},
		{End{Code: 1}, time.Second, false, 20 * time.Second},
		{End{Code: 137}, 59 * time.Second, false, 20 * time.Second},
		{End{Code: 1}, time.Minute, false, 0},
		{End{Code: 143, Told: true}, time.Second, false, 0},
		{End{Code: exit.Lockout}, time.Second, true, 0},
		{End{Code: exit.Lockout}, time.Hour, true, 0},
		{End{Code: exit.Lockout, Told: true}, time.Second, false, 0}, // the platform waits for the end
	} {
		gate := NewGate(Policy{}, rand.Float64)
		c.end.Started = epoch
		if again, pause := gate.Ended(epoch.Add(c.ran), c.end); again != c.again || pause != c.pause {
			t.Errorf("%+v after %s: again %t, pause %s", c.end, c.ran, again, pause)
		}
	}
	// Ten restarts of a CMD that fails at once stay below the breaker's ten failed
	// logins in 150 s (docs/facts.md#supavisor-breaker).
	if tenth := 9 * brake; tenth <= 150*time.Second {
		t.Errorf("the tenth login comes after %s", tenth)
	}
}
