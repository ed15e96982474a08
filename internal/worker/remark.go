package worker

import (
	"fmt"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// remindEvery is the seed's rhythm (docs/seed.md#lockout-window): the remaining time
// is said once a minute.
const remindEvery = time.Minute

// remark is what was said last, and when. Times and counts in the words do not
// make a new one; what is waited for does.
type remark struct {
	at              time.Time
	held, released  bool
	ready, heard    bool
	lockout, opened bool
}

// Remark returns a line about what is waited for: at once when that has changed,
// then once a minute. It is empty when there is nothing new to say.
func (g *Gate) Remark(now time.Time) string {
	r := remark{
		held: now.Before(g.held), released: !g.release.IsZero(),
		ready: g.last.Ready, heard: g.last.Heard, lockout: g.last.Lockout, opened: g.opened,
	}
	if r.at = g.said.at; r == g.said && now.Sub(r.at) < remindEvery {
		return ""
	}
	r.at = now
	g.said = r
	return g.line(now)
}

func (g *Gate) line(now time.Time) string {
	switch {
	case now.Before(g.held):
		return fmt.Sprintf("holding after a lockout: %s remaining; %s", machine.Seconds(g.held.Sub(now)), g.sidecar(now))
	case !g.release.IsZero() && g.last.Ready:
		return fmt.Sprintf("the sidecar says ready; the start is in %ds", machine.CeilSeconds(g.release.Sub(now)))
	case !g.release.IsZero():
		return fmt.Sprintf("%s; the start without it is in %ds", g.last.Message, machine.CeilSeconds(g.release.Sub(now)))
	}
	return "waiting: " + g.sidecar(now)
}

// sidecar is what the sidecar said last.
func (g *Gate) sidecar(now time.Time) string {
	switch {
	case g.last.Ready:
		return "the sidecar says ready"
	case g.last.Heard:
		return g.last.Message
	case g.policy.FailOpen == 0:
		return g.last.Message
	case g.opened:
		return g.last.Message + "; the one start without it has been made"
	}
	at, _ := g.opens()
	return fmt.Sprintf("%s; a start without it is allowed in %s", g.last.Message, machine.Seconds(at.Sub(now)))
}
