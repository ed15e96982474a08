package fleet

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

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
	"", "", "", "kill", "end", "start", "start", "pause", "resume", "resume", "cut", "heal", "heal",
	"flush", "away", "back", "back", "slow", "fast", "lockout", "healthy",
}

// With SOAK Redis' clock is set as well; what that may cost is told in docs/fleet.md.
func init() {
	if os.Getenv("SOAK") != "" {
		happenings = append(happenings, "clock")
	}
}

// seats is how many sidecars there are; the last one has another credential.
const seats = 4

// TestSchedules plays random faults to a fleet: no login inside a window that a member
// or Redis knew at the last look before it, and one trial a window.
func TestSchedules(t *testing.T) {
	steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{
			rapid.SampledFrom(happenings).Draw(t, "what"), rapid.IntRange(0, seats-1).Draw(t, "who"),
			time.Duration(rapid.IntRange(0, 12000).Draw(t, "ms")) * time.Millisecond,
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

func perform(schedule []step, ahead time.Duration) *play {
	policy := machine.DefaultPolicy()
	policy.ProbeInterval, policy.Lockout = 5*time.Second, machine.Range{Min: 30 * time.Second, Max: 35 * time.Second}
	policy.Breaker = policy.Lockout
	p := &play{model: newModel(), policy: policy, locked: true}
	p.model.ahead = ahead
	for who := range p.members {
		p.start(who)
	}
	wait := func(d time.Duration) {
		for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
			synctest.Wait()
			p.watch(time.Now())
		}
	}
	wait(5 * time.Second)
	for _, s := range schedule {
		p.do(s)
		wait(s.wait)
	}
	for who := range p.members {
		p.end(who, true)
	}
	return p
}
