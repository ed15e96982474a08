package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// play is one schedule on the real driver, the real machine and the model of Redis.
type play struct {
	model   *model
	policy  machine.Policy
	members [seats]*player

	mu      sync.Mutex
	locked  bool                      // the pooler locks out
	rejects map[string]bool           // credentials
	asking  map[int]bool              // by who: a trial of theirs is out
	cleared time.Time                 // by an operator
	replica map[store.Room]*modelRoom // the last copy
	gone    sync.WaitGroup
	dials   []dial
	causes  []time.Time // of windows: a trial that Redis does not know of, a login that meets a lockout
	set     bool        // Redis' clock was
	shaken  []time.Time // when Redis was lost, or its clock set
	faults  []string
}

// dial is one login, and what was known when it was last looked at.
type dial struct {
	at, reread     time.Time
	done           time.Time // zero: it is out
	window         time.Time // until when Redis had one at the last look
	who            int
	trial          bool
	number         int    // of trials until then
	id             string // of who has made it
	ended          bool   // without a lockout
	over           bool   // and who has made it says so
	split          bool   // one that is cut off knows a window that is not over
	blind, delayed bool   // no answer before it; it stood still between the two
}

// player is one sidecar.
type player struct {
	born       time.Time
	id         string
	link       *link
	sup        *supervisor.Supervisor
	stop       context.CancelFunc
	done       sync.WaitGroup
	knew       []known
	credential string
}

func (d dial) String() string {
	return fmt.Sprintf("\n%s by %d (looked %s before, trial %v, blind %v)", d.at.Format("04:05.000"), d.who, d.at.Sub(d.reread), d.trial, d.blind)
}

// known is a window that somebody knows, and since when.
type known struct {
	since, until time.Time
}

type asker struct {
	play       *play
	who        int
	credential string
	id         string
	link       *link
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
	d := dial{at: now, reread: a.link.reread, window: a.link.window, who: a.who, id: a.id, trial: a.link.trial, number: a.link.number, blind: !a.link.fresh, delayed: now.Sub(a.link.reread) > time.Second/2}
	a.link.mu.Unlock()
	if dead {
		return machine.Outcome{}
	}
	a.play.mu.Lock()
	a.play.dials = append(a.play.dials, d)
	a.play.asking[a.who] = d.trial
	mine := len(a.play.dials) - 1
	if d.trial {
		a.play.causes = append(a.play.causes, now)
	}
	locked, rejected := a.play.locked, a.play.rejects[a.credential]
	latency := time.Duration(50+len(a.play.dials)*37%900) * time.Millisecond
	if len(a.play.dials)%3 != 2 {
		latency += 3 * time.Second
	}
	a.play.mu.Unlock()
	a.play.judge(mine)
	time.Sleep(latency)
	a.link.gate()
	a.play.mu.Lock()
	a.play.asking[a.who] = false
	a.link.mu.Lock()
	a.play.dials[mine].done = time.Now()
	a.play.dials[mine].ended = !locked && !a.link.dead
	a.link.mu.Unlock()
	if locked {
		a.play.causes = append(a.play.causes, time.Now())
	}
	a.play.mu.Unlock()
	o := machine.Outcome{Reason: machine.ReasonOK, Knocked: true, Dialled: now}
	switch {
	case locked:
		o.Reason, o.Trigger = machine.ReasonLockout, machine.TriggerCircuitBreaker
	case rejected:
		o.Reason = machine.ReasonAuthFailed
	}
	return o
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
	m := &player{born: time.Now(), id: member.ID(), link: l, stop: stop, credential: target.Credential}
	loading, cancel := context.WithTimeout(ctx, 2*time.Second)
	record, _, err := member.Load(loading)
	cancel()
	subject := supervisor.Subject{Target: target, Prober: asker{p, who, target.Credential, member.ID(), l}}
	m.sup = supervisor.New(p.policy, subject, member, slog.New(slog.DiscardHandler))
	var late supervisor.ReadLate
	if err != nil {
		late = func(ctx context.Context) (machine.Record, supervisor.Subject, error) {
			r, _, err := member.Load(ctx)
			return r, subject, err
		}
	}
	m.sup.Begin(record, late)
	looking, leave := context.WithCancel(context.Background())
	m.done.Go(func() { m.sup.Run(ctx); leave() })
	m.done.Go(func() { member.Run(looking) })
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
	p.members[who], p.asking[who] = nil, false
	p.mu.Unlock()
	p.gone.Go(m.done.Wait)
}

// inTrial reports whether a trial is out.
func (p *play) inTrial() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, out := range p.asking {
		if out {
			return true
		}
	}
	return false
}

// leader is who takes itself for the one that leads; none: the first of them.
func (p *play) leader() int {
	for who, m := range p.members {
		if m != nil && m.sup.Snapshot().Fleet.Leads {
			return who
		}
	}
	return 0
}

func (p *play) do(s step) {
	if s.who == leads {
		s.who = p.leader()
	}
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
			m.link.cut, m.link.there = s.what == "cut", time.Now()
			m.link.mu.Unlock()
		}
	case "stall":
		p.replica = p.model.copy()
	case "flush", "failover":
		switch {
		case s.what == "flush":
			p.model.flush()
			p.replica = nil // a copy from before does not come back: see docs/fleet.md
		case p.replica != nil:
			p.model.restore(p.replica)
			p.replica, p.set = nil, true // its clock goes back to the last look that it has
		}
		p.mu.Lock()
		p.shaken = append(p.shaken, time.Now())
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
		p.model.ahead += []time.Duration{-time.Hour, -7 * time.Second, 2 * time.Second, 14 * time.Second}[s.who]
		p.model.mu.Unlock()
		p.mu.Lock()
		p.shaken, p.set = append(p.shaken, time.Now()), true
		p.mu.Unlock()
	case "clear":
		if p.model.clear() {
			p.mu.Lock()
			p.cleared = time.Now()
			for _, m := range p.members {
				if m != nil {
					m.knew = nil
				}
			}
			p.mu.Unlock()
		}
	case "reject", "accept":
		if m != nil {
			p.mu.Lock()
			p.rejects[m.credential] = s.what == "reject"
			p.mu.Unlock()
		}
	case "lockout", "healthy":
		p.mu.Lock()
		p.locked = s.what == "lockout"
		p.mu.Unlock()
	}
}
