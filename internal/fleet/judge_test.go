package fleet

import (
	"fmt"
	"slices"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// blur is how far apart two members' ends of one window may be.
const blur = 20 * time.Millisecond

// judge holds a login against what was known before its last look: by Redis, and by
// every live member that Redis has heard of it since.
func (p *play) judge(mine int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.dials[mine]
	if d.blind {
		return // Redis was away: see docs/fleet.md
	}
	if d.window.Sub(d.at) > blur {
		p.faults = append(p.faults, fmt.Sprintf("%s: %d dials %s before the end of a window that Redis had", d.at.Format("04:05.000"), d.who, d.window.Sub(d.at)))
	}
	differ := blur
	if p.set {
		differ = time.Second // save.lua lets as much pass
	}
	for i, m := range p.members {
		if m == nil {
			continue
		}
		if s := m.sup.Snapshot(); s.State == machine.Lockout && s.Next.Sub(d.at) > blur {
			p.dials[mine].split = true
		}
		for _, k := range m.knew {
			if d.reread.Sub(k.since) > 0 && k.until.Sub(d.at) > differ {
				p.faults = append(p.faults, fmt.Sprintf("%s: %d dials %s before the end of a window that %d knew for %s", d.at.Format("04:05.000"), d.who, k.until.Sub(d.at), i, d.reread.Sub(k.since)))
			}
		}
	}
	for _, before := range p.dials[:mine] {
		if before.split { // one window more, which is known later
			continue
		}
		again := !before.over && !p.cleared.After(before.at)
		lost := slices.ContainsFunc(p.shaken, before.goneBy) && !p.heard(before) || slices.ContainsFunc(p.shaken, before.justOver)
		if !again || !before.trial || before.blind || d.delayed || lost {
			continue
		}
		// A trial without an end counts from when it was stored, at most 2 s before its login.
		if apart := d.at.Sub(before.at); apart < p.policy.Lockout.Min-blur-2*time.Second {
			p.faults = append(p.faults, fmt.Sprintf("%s: the trials of %d and %d are %s apart", d.at.Format("04:05.000"), before.who, d.who, apart))
		}
	}
}

// goneBy reports whether Redis was lost, or its clock set, when a login was out: the
// word of it is half a millisecond older than the login.
func (d dial) goneBy(at time.Time) bool { return !at.Before(d.at) }

// justOver reports whether others may not have heard yet of what a login met.
func (d dial) justOver(at time.Time) bool {
	return !d.done.IsZero() && at.After(d.done) && at.Sub(d.done) < 3*time.Second
}

// heard reports whether all that were there have seen in Redis that a login was begun,
// and are still there since Redis was lost. Who has come later knows of nothing.
func (p *play) heard(d dial) bool {
	p.model.mu.Lock()
	defer p.model.mu.Unlock()
	all := false
	for _, m := range p.members {
		if m == nil || m.born.After(d.at) || m.id == d.id {
			continue
		}
		heard := p.model.heard[heardOf{m.id, d.number}]
		m.link.mu.Lock()
		there := m.link.paused == nil && !m.link.cut && m.link.there.Before(p.shaken[len(p.shaken)-1])
		m.link.mu.Unlock()
		if !there || heard.IsZero() || slices.ContainsFunc(p.shaken, func(at time.Time) bool { return d.goneBy(at) && !at.After(heard) }) {
			return false
		}
		all = true
	}
	return all
}

// watch notes which windows are known, by those that live, run and are connected: what
// they know reaches Redis with their next look, at most three seconds later.
func (p *play) watch(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := range p.dials {
		d := &p.dials[n]
		m := p.members[d.who]
		if d.ended && (m == nil || m.id != d.id || m.sup.Snapshot().State != machine.Lockout) {
			d.over = true
		}
	}
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
		if s.State == machine.Lockout && s.Next.Sub(at) > 3*time.Second { // less is what attempts are apart
			p.caused(at, s.Since, s.Next)
		}
		cleared := p.cleared
		if p.set { // what Redis' clock lost makes a clearing later
			cleared = cleared.Add(3 * time.Second)
		}
		if !reaches || s.State != machine.Lockout || !at.Before(s.Next) || !s.Since.After(cleared) {
			m.knew = nil
			continue
		}
		if n := len(m.knew); n == 0 || m.knew[n-1].until != s.Next {
			m.knew = append(m.knew, known{at.Add(3 * time.Second), s.Next})
		}
	}
}

// caused holds a window that somebody shows against what was met: none begins without a
// cause, and none is longer than the longest, however long it takes to be taken up.
func (p *play) caused(at, since, next time.Time) {
	p.model.mu.Lock()
	stood, causes := p.model.stood, slices.Concat(p.causes, p.model.begun)
	p.model.mu.Unlock()
	const late = 12 * time.Second // a pause that is no longer than a lease
	begins, ends := p.set, false
	for _, cause := range causes {
		begins = begins || since.Sub(cause) > -3*time.Second && since.Sub(cause) < late
		ends = ends || next.Sub(cause) < p.policy.Lockout.Max+late+stood
	}
	if !begins || !ends {
		p.faults = append(p.faults, fmt.Sprintf("%s: a window from %s to %s without a cause: %v, %v", at.Format("04:05.000"), since.Format("04:05.000"), next.Format("04:05.000"), begins, ends))
	}
}
