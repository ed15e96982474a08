package fleet

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// step is one thing that happens to a fleet, after a while.
type step struct {
	what string
	who  int
	wait time.Duration
}

func (s step) String() string { return fmt.Sprintf("%s %d, %s;", s.what, s.who, s.wait) }

var happenings = []string{
	"", "", "trial", "trial", "kill", "kill", "end", "start", "start", "start", "pause", "pause", "resume", "resume",
	"cut", "cut", "heal", "heal", "flush", "stall", "stall", "failover", "away", "back", "back", "slow", "fast", "fast", "clock", "clear",
	"lockout", "lockout", "healthy", "reject", "accept",
}

// seats is how many sidecars there are; the last one has another credential.
const seats = 4

// leads stands for whoever leads when the step is taken.
const leads = seats

// TestSchedules plays random faults to a fleet: no login inside a window that a member
// or Redis knew at the last look before it, and one trial a window.
func TestSchedules(t *testing.T) {
	steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		longest := rapid.SampledFrom([]int{0, 500, 4000, 4000, 12000, 12000, 40000}).Draw(t, "wait")
		return step{
			rapid.SampledFrom(happenings).Draw(t, "what"), rapid.SampledFrom([]int{0, 1, 2, seats - 1, leads, leads}).Draw(t, "who"),
			time.Duration(rapid.IntRange(0, longest).Draw(t, "ms")) * time.Millisecond,
		}
	}), 5, 25)
	logins, trials := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		schedule := steps.Draw(rt, "schedule")
		ahead := time.Duration(rapid.IntRange(-3600, 3600).Draw(rt, "clock")) * time.Second
		var p *play
		synctest.Test(t, func(t *testing.T) { p = perform(schedule, ahead) })
		for _, d := range p.dials {
			if logins++; d.trial {
				trials++
			}
		}
		if len(p.faults) > 0 {
			rt.Fatalf("%s\nlogins: %+v\nwhat happened: %v", strings.Join(p.faults, "\n"), p.dials, schedule)
		}
	})
	t.Logf("%d logins, %d of them trials", logins, trials)
}

// TestEndInTrial: what a leader finds while it is told to end is not lost, so that nobody
// takes its trial for one without an end.
func TestEndInTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := perform([]step{{"healthy", 0, 0}, {"trial", 0, time.Second}, {"end", leads, 3 * time.Second}}, 0)
		if r := p.model.rooms[store.Room{Key: "k"}].record; r.Attempt.After != "" || r.Verdict.State != machine.Ready {
			t.Errorf("%+v, %+v", r.Attempt, r.Verdict)
		}
	})
}

func perform(schedule []step, ahead time.Duration) *play {
	policy := machine.DefaultPolicy()
	policy.ProbeInterval, policy.Lockout = 5*time.Second, machine.Range{Min: 30 * time.Second, Max: 35 * time.Second}
	policy.Breaker, policy.Rejected = policy.Lockout, policy.Lockout
	p := &play{model: newModel(), policy: policy, locked: true, rejects: make(map[string]bool), asking: make(map[int]bool)}
	p.model.ahead = ahead
	for who := range p.members {
		p.start(who)
	}
	wait := func(d time.Duration, until func() bool) {
		for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
			synctest.Wait()
			p.watch(time.Now())
			if until() {
				break
			}
		}
	}
	never := func() bool { return false }
	wait(8*time.Second, never)
	for _, s := range schedule {
		if s.what == "trial" {
			wait(time.Minute, p.inTrial)
		} else {
			p.do(s)
		}
		wait(s.wait, never)
	}
	for who := range p.members {
		p.end(who, true)
	}
	p.gone.Wait()
	return p
}

// TestKnownSchedules plays what has once led to a second trial, or to a window without
// an end.
func TestKnownSchedules(t *testing.T) {
	const other = seats - 1 // has another credential
	for name, schedule := range map[string][]step{
		"clock set back in a window":    {{"clock", 0, 40 * time.Second}, {"", 0, 40 * time.Second}},
		"clock set back after a window": {{"trial", 0, 0}, {"clock", 0, 30 * time.Second}},
		"newcomer after a flush": {
			{"end", 0, 12 * time.Second}, {"trial", 0, 1500 * time.Millisecond}, {"kill", leads, 2 * time.Second}, {"flush", 0, 0}, {"start", 0, 10 * time.Second},
		},
		"clock set forward in a trial": {{"trial", 0, 1500 * time.Millisecond}, {"kill", leads, 2 * time.Second}, {"clock", 3, 30 * time.Second}},
		"newcomer after the clock was set in a trial": {
			{"trial", 0, 1500 * time.Millisecond}, {"clock", 3, 1500 * time.Millisecond}, {"kill", leads, 0}, {"start", 0, 0}, {"start", 1, 0}, {"start", 2, 0}, {"start", other, 30 * time.Second},
		},
		"trial of a leader with another credential": {
			{"trial", 0, 2 * time.Second}, {"end", 0, 0}, {"end", 1, 0}, {"end", 2, 12 * time.Second}, {"start", 1, 0},
			{"trial", other, 1500 * time.Millisecond}, {"kill", other, 30 * time.Second},
		},
		"newcomer on a copy of Redis without the trial": {
			{"stall", 0, 0}, {"end", 0, 500 * time.Millisecond}, {"kill", leads, 0}, {"trial", 0, 200 * time.Millisecond}, {"kill", leads, 1200 * time.Millisecond},
			{"failover", 0, 173 * time.Millisecond}, {"start", 0, 30 * time.Second},
		},
		"a copy of Redis without the trial": {{"stall", 0, 40 * time.Second}, {"trial", 0, 1500 * time.Millisecond}, {"kill", leads, 2 * time.Second}, {"failover", 0, 20 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			for range 10 { // who leads is chance
				synctest.Test(t, func(t *testing.T) {
					if p := perform(schedule, 0); len(p.faults) > 0 {
						t.Errorf("%s\nlogins: %+v", p.faults[0], p.dials)
					}
				})
			}
		})
	}
}
