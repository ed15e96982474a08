package fleet

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"dragonfly.internal/sidecar/internal/store"
)

var errAway = errors.New("redis is away")

// link is one member's way to the model. What is paused stands still before a
// question goes out and before an answer is taken; what is dead does nothing more.
type link struct {
	model *model

	mu     sync.Mutex
	paused chan struct{} // closed when it goes on; nil: it runs
	cut    bool
	dead   bool
	reread time.Time // of the last saving that was answered
	there  time.Time // since when it neither stands still nor is cut off
	trial  bool      // the last saving was of a trial
	fresh  bool      // it was answered
	number int       // of trials until then
	window time.Time // until when Redis had a window then
}

func (l *link) pause(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case on && l.paused == nil:
		l.paused = make(chan struct{})
	case !on && l.paused != nil:
		close(l.paused)
		l.paused, l.there = nil, time.Now()
	}
}

func (l *link) gate() {
	l.mu.Lock()
	paused := l.paused
	l.mu.Unlock()
	if paused != nil {
		<-paused
	}
}

func (l *link) ask(ctx context.Context, f func() store.Answer) (store.Answer, error) {
	l.gate()
	l.model.mu.Lock()
	delay := cmp.Or(l.model.delay, time.Millisecond)
	l.model.mu.Unlock()
	time.Sleep(delay / 2)
	l.model.mu.Lock()
	l.mu.Lock()
	gone := l.model.away || l.cut || l.dead
	l.mu.Unlock()
	var a store.Answer
	if !gone {
		a = f()
	}
	l.model.mu.Unlock()
	time.Sleep(delay / 2)
	l.gate()
	if gone {
		return a, errAway
	}
	return a, ctx.Err()
}

func (l *link) Look(ctx context.Context, room store.Room, look store.Look) (store.Answer, error) {
	sent := time.Now()
	return l.ask(ctx, func() store.Answer { return l.model.look(room, look, sent) })
}

func (l *link) Save(ctx context.Context, room store.Room, w store.Write) (store.Answer, error) {
	var at time.Time
	var number int
	sent := time.Now()
	a, err := l.ask(ctx, func() store.Answer {
		at = time.Now()
		a := l.model.save(room, w, sent)
		number = len(l.model.begun)
		return a
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trial, l.fresh, l.window = w.Record.Attempt.After != "", err == nil, time.Time{}
	if l.fresh {
		l.reread, l.number = at, number
	}
	if len(a.Record.Windows) > 0 {
		l.window = a.Clock.Ours(a.Record.Windows[0].Until)
	}
	return a, err
}

func (l *link) Leave(ctx context.Context, room store.Room, member, tag string, lease store.Lease) error {
	_, err := l.ask(ctx, func() store.Answer {
		if r := l.model.rooms[room]; r != nil && r.owner == member && r.epoch == lease.Epoch && r.fence == lease.Fence {
			r.lease = time.Time{}
		}
		return store.Answer{}
	})
	return err
}

func (l *link) Close() error { return nil }
