package fleet

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// model is Redis with our scripts, as they are meant: what the schedules play with.
// TestModel in internal/store holds the real ones against the same rules.
type model struct {
	mu    sync.Mutex
	ahead time.Duration // of our clock
	away  bool
	delay time.Duration
	rooms map[store.Room]*modelRoom
	epoch int
}

type modelRoom struct {
	epoch, owner, rev string
	fence             int64
	lease             time.Time
	record            machine.Record
	salt              []byte
	cleared           time.Time
	window            machine.Window
	members           map[string]time.Time
}

func newModel() *model { return &model{rooms: make(map[store.Room]*modelRoom)} }

func (m *model) now() time.Time { return time.Now().Round(0).Add(m.ahead) }

func (m *model) flush() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.rooms)
}

func (m *model) room(r store.Room, salt []byte) *modelRoom {
	if m.rooms[r] == nil && salt != nil {
		m.epoch++
		m.rooms[r] = &modelRoom{epoch: string(rune('a' + m.epoch)), salt: salt, members: make(map[string]time.Time)}
	}
	return m.rooms[r]
}

// keep is keep_window of answer.lua.
func (r *modelRoom) keep(at time.Time, w machine.Window) {
	if w.Until.After(at) && w.Until.After(r.window.Until) && w.Opened.After(r.cleared) {
		r.window = w
	}
}

func (m *model) answer(word string, room, main *modelRoom) store.Answer {
	at := m.now()
	a := store.Answer{Word: word, Clock: store.NewClock(time.Now(), at, time.Millisecond)}
	if room == nil || main == nil {
		return a
	}
	a.Epoch, a.Fence, a.Owner, a.Lease, a.Rev, a.Record = room.epoch, room.fence, room.owner, room.lease, room.rev, room.record
	a.Salt, a.Cleared = main.salt, main.cleared
	a.Record.Windows = nil
	if main.window.Until.After(at) {
		a.Record.Windows = []machine.Window{main.window}
	}
	for tag, seen := range main.members {
		if at.Sub(seen) <= 10*time.Second {
			a.Members = append(a.Members, tag)
		}
	}
	return a
}

// agrees is clock_agrees of answer.lua.
func agrees(at time.Time, c store.Clock) bool {
	off := at.Sub(c.At(time.Now()))
	return off > -1500*time.Millisecond && off < 5*time.Second
}

func (m *model) look(r store.Room, l store.Look) store.Answer {
	at := m.now()
	main := m.room(store.Room{Key: r.Key}, l.Salt)
	room := m.room(r, l.Salt)
	main.members[l.Tag] = at
	if !l.Window.Until.IsZero() && agrees(at, l.Clock) {
		main.keep(at, l.Clock.ToRedis(machine.Record{Windows: []machine.Window{l.Window}}, time.Now()).Windows[0])
	}
	if held := room.lease.After(at); l.Wants && held && room.owner == l.Member && room.epoch == l.Lease.Epoch && room.fence == l.Lease.Fence {
		room.lease = at.Add(l.For)
	} else if l.Wants && !held {
		room.fence++
		room.owner, room.lease = l.Member, at.Add(l.For)
	}
	return m.answer("ok", room, main)
}

func (m *model) save(r store.Room, w store.Write) store.Answer {
	at := m.now()
	main, room := m.rooms[store.Room{Key: r.Key}], m.rooms[r]
	record := w.Clock.ToRedis(w.Record, time.Now())
	var window machine.Window
	if len(record.Windows) > 0 {
		window = record.Windows[0]
	}
	word := "ok"
	switch {
	case main == nil || room == nil || room.epoch != w.Lease.Epoch:
		word = "epoch"
	case room.owner != w.Member || room.fence != w.Lease.Fence:
		word = "fence"
	case !room.lease.After(at):
		word = "lease"
	case room.rev == w.Rev:
		room.lease = at.Add(w.For)
	case !agrees(at, w.Clock):
		word = "clock"
	case main.cleared.After(w.Cleared):
		word = "cleared"
	case main.window.Until.After(at) && main.window.Until.After(window.Until.Add(time.Second)):
		word = "window"
	case room.rev != w.Read:
		word = "rev"
	default:
		room.record, room.rev, room.lease = record, w.Rev, at.Add(w.For)
		if !main.window.Until.After(at) {
			main.window = machine.Window{}
		}
		if len(record.Windows) > 0 {
			main.keep(at, window)
		}
	}
	return m.answer(word, room, main)
}

var errAway = errors.New("redis is away")

// link is one member's way to the model. What is paused stands still before a
// question goes out and before an answer is taken; what is dead does nothing more.
type link struct {
	model *model

	mu      sync.Mutex
	paused  chan struct{} // closed when it goes on; nil: it runs
	cut     bool
	dead    bool
	reread  time.Time // of the last saving that was answered
	stilled time.Time // since when it has not stood still
	trial   bool      // the last saving was of a trial
	fresh   bool      // it was answered
	window  time.Time // until when Redis had a window then
}

func (l *link) pause(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case on && l.paused == nil:
		l.paused = make(chan struct{})
	case !on && l.paused != nil:
		close(l.paused)
		l.paused, l.stilled = nil, time.Now()
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
	return l.ask(ctx, func() store.Answer { return l.model.look(room, look) })
}

func (l *link) Save(ctx context.Context, room store.Room, w store.Write) (store.Answer, error) {
	var at time.Time
	a, err := l.ask(ctx, func() store.Answer { at = time.Now(); return l.model.save(room, w) })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trial, l.fresh, l.window = w.Record.Attempt.After != "", err == nil, time.Time{}
	if l.fresh {
		l.reread = at
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
