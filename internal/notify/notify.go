// Package notify tells people: one message when a lockout, a hold, a
// misconfiguration or an outage begins, and one when the database is ready again
// (docs/notifications.md). It reads the snapshot like everybody else, and nothing
// waits for it.
package notify

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Notifier looks at the snapshot and sends what there is to tell. Use [New].
type Notifier struct {
	options Options
	post    func(context.Context, Message) Answer
	queue   chan queued
	scratch scratch
	// own is what a member of a fleet tells of itself alone: its DSN is refused.
	own        *teller
	ownScratch scratch

	sent, retried, failed atomic.Uint64
}

// Options are what a [Notifier] needs; none of them may be left out.
type Options struct {
	To       Receiver
	Snapshot func() *supervisor.Snapshot
	// Tell stores what people have been told.
	Tell     func(context.Context, machine.Told)
	Stored   bool // what is told outlives the process in a store, as long as that is well
	Env      string
	Instance string
	Log      *slog.Logger
}

// New returns a notifier that is quiet before [Notifier.Run].
func New(o Options) *Notifier {
	n := &Notifier{options: o, post: o.To.Post, queue: make(chan queued, waiting)}
	key := o.Snapshot().Target.Key
	n.scratch, n.ownScratch = newScratch(o.To.URL, key), newScratch(o.To.URL, key+" itself")
	return n
}

// queued is a message with what people know when they have it.
type queued struct {
	Message
	told machine.Told
	own  bool // it is about this member of a fleet alone
}

const (
	lookEvery = 500 * time.Millisecond
	waiting   = 8 // messages that wait for a slow receiver; the newest are kept
)

// Tries are the pauses before each try of a message.
var Tries = []time.Duration{0, 2 * time.Second, 8 * time.Second, 30 * time.Second, 2 * time.Minute}

// Run tells until the context ends. What is not sent by then is not: another process
// says it, if it is still true.
func (n *Notifier) Run(ctx context.Context) {
	if n.options.To.URL.IsZero() {
		return
	}
	var delivering sync.WaitGroup
	defer delivering.Wait()
	delivering.Go(func() { n.deliver(ctx) })
	t := &teller{start: time.Now()}
	n.recall(t)
	n.own = &teller{start: t.start, blind: t.blind}
	n.own.recall(t.start, n.ownScratch.read())
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			n.look(t, time.Now())
		}
	}
}

// recall takes up what was told before this process: as the store has it or a file of
// this machine, whichever is later.
func (n *Notifier) recall(t *teller) {
	told := n.options.Snapshot().Told
	if noted := n.scratch.read(); noted.Last.After(told.Last) {
		told = noted
	}
	t.recall(time.Now(), told)
	if err := n.scratch.write(told); err != nil {
		t.blind = true
		if !n.options.Stored {
			n.options.Log.Warn("what is told to people is remembered nowhere, so a sidecar that was never ready says nothing for its first 15 minutes; set SIDECAR_STATE, or mount a folder for temporary files: " + err.Error())
		}
	}
}

// look queues what there is to tell.
func (n *Notifier) look(t *teller, now time.Time) {
	s := n.options.Snapshot()
	own := s.Fleet != nil && (s.Target.Fault != "" || s.Ready() && !n.own.told.Down.IsZero())
	silent, remembered := !s.Speaks(), n.options.Stored && !s.Unstored
	switch {
	case own:
		t, silent, remembered = n.own, false, false
	case silent && !s.Told.IsZero() || s.Told.Last.After(t.told.Last): // others spoke, or the store was read late
		t.recall(now, s.Told)
	}
	if e, away := t.look(now, s.Status, remembered, silent); e != "" {
		n.put(queued{newMessage(e, away, s, now, n.options.Env, n.options.Instance), t.told, own})
	}
}

// put queues a message. When too many wait, the oldest is given up.
func (n *Notifier) put(m queued) {
	for {
		select {
		case n.queue <- m:
			return
		default:
		}
		select {
		case old := <-n.queue:
			n.giveUp(old, "newer ones are waiting")
		default:
		}
	}
}

// deliver sends one message after the other until the context ends.
func (n *Notifier) deliver(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-n.queue:
			n.send(ctx, m)
		}
	}
}

// send tries to send a message, as long as it is ours to send. That it was sent is noted
// in a file of this machine and then in the store, which may have to wait for a probe.
func (n *Notifier) send(ctx context.Context, m queued) {
	var last Answer
	for i, pause := range Tries {
		if i > 0 {
			n.retried.Add(1)
		}
		if !sleep(ctx, max(pause, last.After)) {
			return
		}
		if !m.own && !n.options.Snapshot().Speaks() { // who leads now tells it
			return
		}
		if last = n.post(ctx, m.Message); last.OK {
			n.sent.Add(1)
			n.note(ctx, m)
			n.options.Log.Info("notification sent", "event", m.Event)
			return
		}
		if ctx.Err() != nil {
			return
		}
		n.options.Log.Debug("notification not sent", "event", m.Event, "try", i+1, "error", last.Text)
	}
	n.giveUp(m, last.Text)
}

// note remembers that a message was sent; whether it can was said at the start.
func (n *Notifier) note(ctx context.Context, m queued) {
	if m.own {
		n.ownScratch.write(m.told)
		return
	}
	n.scratch.write(m.told)
	n.options.Tell(ctx, m.told)
}

func (n *Notifier) giveUp(m queued, why string) {
	n.failed.Add(1)
	n.options.Log.Error("a notification could not be sent: "+why, "event", m.Event)
}

// Notifications is what has been sent so far.
func (n *Notifier) Notifications() health.Notifications {
	return health.Notifications{To: n.options.To.Kind(), Sent: n.sent.Load(), Retried: n.retried.Load(), Failed: n.failed.Load()}
}

// sleep waits, and reports whether it could to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
