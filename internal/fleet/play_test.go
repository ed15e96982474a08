package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// play is one schedule on the real driver, the real machine and the model of Redis.
type play struct {
	model   *model
	policy  machine.Policy
	members [seats]*player

	mu      sync.Mutex
	locked  bool // the pooler locks out
	dials   []dial
	flushed time.Time
	faults  []string
}

// dial is one login, and what was known when it was last looked at.
type dial struct {
	at, reread     time.Time
	window         time.Time // until when Redis had one at the last look
	who            int
	trial          bool
	blind, delayed bool // no answer before it; it stood still between the two
}

// player is one sidecar.
type player struct {
	link *link
	sup  *supervisor.Supervisor
	stop context.CancelFunc
	done sync.WaitGroup
	knew []known
}

func (d dial) String() string {
	return fmt.Sprintf("\n%s by %d (looked %s before, trial %v, blind %v)", d.at.Format("04:05.000"), d.who, d.at.Sub(d.reread), d.trial, d.blind)
}

// known is a window that somebody knows, and since when.
type known struct {
	since, until time.Time
}

type asker struct {
	play *play
	who  int
	link *link
}

// Probe implements supervisor.Prober.
func (a asker) Probe(ctx context.Context, permit machine.Permit) machine.Outcome {
	if !permit.Spend() {
		panic("no permit")
	}
	a.link.gate()
	now := time.Now()
	a.link.mu.Lock()
	dead := a.link.dead
	d := dial{at: now, reread: a.link.reread, window: a.link.window, who: a.who, trial: a.link.trial, blind: !a.link.fresh, delayed: now.Sub(a.link.reread) > time.Second/2}
	a.link.mu.Unlock()
	if dead {
		return machine.Outcome{}
	}
	a.play.mu.Lock()
	a.play.dials = append(a.play.dials, d)
	locked := a.play.locked
	latency := time.Duration(50+len(a.play.dials)*37%900) * time.Millisecond
	if len(a.play.dials)%3 != 0 {
		latency += 3 * time.Second
	}
	a.play.mu.Unlock()
	a.play.judge(d)
	time.Sleep(latency)
	a.link.gate()
	o := machine.Outcome{Reason: machine.ReasonOK, Knocked: true, Dialled: now}
	if locked {
		o.Reason, o.Trigger = machine.ReasonLockout, machine.TriggerCircuitBreaker
	}
	return o
}

// blur is how far apart two members' ends of one window may be.
const blur = 20 * time.Millisecond

// judge holds a login against what was known before its last look: by Redis, and by
// every live member that Redis has heard of it since.
func (p *play) judge(d dial) {
	if d.blind {
		return // Redis was away: see docs/fleet.md
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if d.window.Sub(d.at) > blur {
		p.faults = append(p.faults, fmt.Sprintf("%s: %d dials %s before the end of a window that Redis had", d.at.Format("04:05.000"), d.who, d.window.Sub(d.at)))
	}
	for i, m := range p.members {
		if m == nil {
			continue
		}
		for _, k := range m.knew {
			if d.reread.Sub(k.since) > 0 && k.until.Sub(d.at) > blur {
				p.faults = append(p.faults, fmt.Sprintf("%s: %d dials %s before the end of a window that %d knew for %s", d.at.Format("04:05.000"), d.who, k.until.Sub(d.at), i, d.reread.Sub(k.since)))
			}
		}
	}
	for _, before := range p.dials[:len(p.dials)-1] {
		if !d.trial || !before.trial || before.blind || d.delayed || p.flushed.After(before.reread) && p.flushed.Sub(before.reread) < 3*time.Second {
			continue
		}
		// A trial without an end counts from when it was stored, at most 2 s before its login.
		if apart := d.at.Sub(before.at); apart < p.policy.Lockout.Min-blur-2*time.Second {
			p.faults = append(p.faults, fmt.Sprintf("%s: the trials of %d and %d are %s apart", d.at.Format("04:05.000"), before.who, d.who, apart))
		}
	}
}

// watch notes which windows are known, by those that live, run and are connected: what
// they know reaches Redis with their next look, at most three seconds later.
func (p *play) watch(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		if m == nil {
			continue
		}
		m.link.mu.Lock()
		reaches := m.link.paused == nil && !m.link.cut && !m.link.dead
		m.link.mu.Unlock()
		p.model.mu.Lock()
		reaches = reaches && !p.model.away && p.model.delay < time.Second
		p.model.mu.Unlock()
		s := m.sup.Snapshot()
		if !reaches || s.State != machine.Lockout || !at.Before(s.Next) {
			m.knew = nil
			continue
		}
		if n := len(m.knew); n == 0 || m.knew[n-1].until != s.Next {
			m.knew = append(m.knew, known{at.Add(3 * time.Second), s.Next})
		}
	}
}

func (p *play) start(who int) {
	l := &link{model: p.model}
	member := NewMember(l)
	target := machine.Target{Key: "k", Credential: "c"}
	if who == seats-1 {
		target.Credential = "d"
	}
	member.Tell(supervisor.Self{Target: target})
	ctx, stop := context.WithCancel(context.Background())
	m := &player{link: l, stop: stop}
	loading, cancel := context.WithTimeout(ctx, 2*time.Second)
	record, _, err := member.Load(loading)
	cancel()
	subject := supervisor.Subject{Target: target, Prober: asker{p, who, l}}
	m.sup = supervisor.New(p.policy, subject, member, slog.New(slog.DiscardHandler))
	var late supervisor.ReadLate
	if err != nil {
		late = func(ctx context.Context) (machine.Record, supervisor.Subject, error) {
			r, _, err := member.Load(ctx)
			return r, subject, err
		}
	}
	m.sup.Begin(record, late)
	m.done.Go(func() { m.sup.Run(ctx) })
	m.done.Go(func() { member.Run(ctx) })
	p.mu.Lock()
	p.members[who] = m
	p.mu.Unlock()
}

func (p *play) end(who int, dead bool) {
	m := p.members[who]
	if m == nil {
		return
	}
	m.link.mu.Lock()
	m.link.dead = dead
	m.link.mu.Unlock()
	m.stop()
	m.link.pause(false)
	p.mu.Lock()
	p.members[who] = nil
	p.mu.Unlock()
	m.done.Wait()
}

func (p *play) do(s step) {
	m := p.members[s.who]
	switch s.what {
	case "kill":
		p.end(s.who, true)
	case "end":
		p.end(s.who, false)
	case "start":
		if m == nil {
			p.start(s.who)
		}
	case "pause", "resume":
		if m != nil {
			m.link.pause(s.what == "pause")
		}
	case "cut", "heal":
		if m != nil {
			m.link.mu.Lock()
			m.link.cut = s.what == "cut"
			m.link.mu.Unlock()
		}
	case "flush":
		p.model.flush()
		p.mu.Lock()
		p.flushed = time.Now()
		p.mu.Unlock()
	case "away", "back":
		p.model.mu.Lock()
		p.model.away = s.what == "away"
		p.model.mu.Unlock()
	case "slow", "fast":
		p.model.mu.Lock()
		p.model.delay = map[string]time.Duration{"slow": 1500 * time.Millisecond}[s.what]
		p.model.mu.Unlock()
	case "clock":
		p.model.mu.Lock()
		p.model.ahead += time.Duration(s.who-1) * 7 * time.Second
		p.model.mu.Unlock()
	case "lockout", "healthy":
		p.mu.Lock()
		p.locked = s.what == "lockout"
		p.mu.Unlock()
	}
}
