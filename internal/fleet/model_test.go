package fleet

import (
	"fmt"
	"maps"
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
	begun []time.Time           // when trials were written, before they were made
	heard map[heardOf]time.Time // who has seen which of them while they were out
	stood time.Duration         // for how long in all the clock of a fleet stood still
}

// heardOf is a member and the number of a trial.
type heardOf struct {
	member string
	trial  int
}

type modelRoom struct {
	epoch, owner, rev string
	fence             int64
	lease             time.Time
	record            machine.Record
	writes            int64 // of it
	salt              []byte
	cleared           time.Time
	window            machine.Window
	members           map[string]time.Time
	last              time.Time     // what the clock of the room showed at the last look
	looked            time.Time     // when that was
	shift             time.Duration // of that clock, from Redis'
}

func newModel() *model {
	return &model{rooms: make(map[store.Room]*modelRoom), heard: make(map[heardOf]time.Time)}
}

// now is now of answer.lua.
func (m *model) now() time.Time {
	at := time.Now().Round(0).Add(m.ahead)
	if main := m.rooms[store.Room{Key: "k"}]; main != nil {
		if at = at.Add(main.shift); at.Before(main.last) {
			at = main.last
		}
	}
	return at
}

// keep is keep_clock of answer.lua.
func (m *model) keep(at time.Time) {
	if main := m.rooms[store.Room{Key: "k"}]; main != nil {
		if time.Now().Round(0).Add(m.ahead + main.shift).Before(main.last) {
			m.stood += time.Since(main.looked)
		}
		main.looked = time.Now()
		main.last, main.shift = at, at.Sub(time.Now().Round(0).Add(m.ahead))
	}
}

func (m *model) flush() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.rooms)
}

// clear is [store.Shared.Clear], and reports whether it got through.
func (m *model) clear() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.now()
	room := m.rooms[store.Room{Key: "k"}]
	if m.away || room == nil {
		return false
	}
	room.record, _ = room.record.ClearBefore(at)
	if room.record.Attempt.At.Before(at) {
		room.record.Attempt = machine.Begun{}
	}
	room.rev, room.cleared = fmt.Sprint("clear", at), at
	room.writes++
	if !room.window.Opened.After(at) {
		room.window = machine.Window{}
	}
	return true
}

// room is a room, which begins now if it is not there.
func (m *model) room(r store.Room, salt []byte) *modelRoom {
	if m.rooms[r] == nil {
		m.epoch++
		m.rooms[r] = &modelRoom{epoch: string(rune('a' + m.epoch)), salt: salt, members: make(map[string]time.Time)}
	}
	return m.rooms[r]
}

// copy is what a replica has now; restore lets it take over.
func (m *model) copy() map[store.Room]*modelRoom {
	m.mu.Lock()
	defer m.mu.Unlock()
	rooms := make(map[store.Room]*modelRoom)
	for name, r := range m.rooms {
		of := *r
		of.members = maps.Clone(r.members)
		rooms[name] = &of
	}
	return rooms
}

func (m *model) restore(rooms map[store.Room]*modelRoom) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rooms = rooms
}

// keep is keep_window of answer.lua.
func (r *modelRoom) keep(at time.Time, w machine.Window) {
	if w.Until.After(at) && w.Until.After(r.window.Until) && w.Opened.After(r.cleared) {
		r.window = w
	}
}

func (m *model) answer(word string, at time.Time, room, main *modelRoom) store.Answer {
	a := store.Answer{Word: word, Clock: store.NewClock(time.Now(), at, time.Millisecond)}
	if room == nil || main == nil {
		return a
	}
	a.Epoch, a.Fence, a.Owner, a.Lease, a.Rev, a.Record = room.epoch, room.fence, room.owner, room.lease, room.rev, room.record
	a.Salt, a.Writes, a.Cleared = main.salt, main.writes, main.cleared
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
func agrees(at time.Time, c store.Clock, sent time.Time) bool {
	off := at.Sub(c.At(sent))
	return off > -1500*time.Millisecond && off < 5*time.Second
}

func (m *model) look(r store.Room, l store.Look, sent time.Time) store.Answer {
	at := m.now()
	main, room := m.room(store.Room{Key: r.Key}, l.Salt), m.room(r, l.Salt)
	main.members[l.Tag] = at
	if lost := main.writes < l.Seen || main.writes == l.Seen && main.rev != l.Rev; lost && main.epoch == l.Epoch {
		m.epoch++
		main.epoch, main.fence, main.owner, main.lease, main.rev, main.record = string(rune('a'+m.epoch)), 0, "", time.Time{}, "", machine.Record{}
	}
	m.keep(at)
	if !l.Window.Until.IsZero() && agrees(at, l.Clock, sent) {
		main.keep(at, l.Clock.ToRedis(machine.Record{Windows: []machine.Window{l.Window}}, sent).Windows[0])
	}
	seen := room != main || room.rev != "" || room.epoch == l.Epoch
	if held := room.lease.After(at); l.Wants && held && room.owner == l.Member && room.epoch == l.Lease.Epoch && room.fence == l.Lease.Fence {
		room.lease = at.Add(l.For)
	} else if l.Wants && !held && agrees(at, l.Clock, sent) && (seen || l.Heir) {
		room.fence++
		room.owner, room.lease = l.Member, at.Add(l.For)
	}
	if main.record.Attempt.After != "" {
		if of := (heardOf{l.Member, len(m.begun)}); m.heard[of].IsZero() {
			m.heard[of] = time.Now()
		}
	}
	return m.answer("ok", at, room, main)
}

func (m *model) save(r store.Room, w store.Write, sent time.Time) store.Answer {
	at := m.now()
	main, room := m.rooms[store.Room{Key: r.Key}], m.rooms[r]
	record := w.Clock.ToRedis(w.Record, sent)
	var window machine.Window
	if len(record.Windows) > 0 {
		window = record.Windows[0]
	}
	word := "ok"
	m.keep(at)
	switch {
	case main == nil || room == nil || room.epoch != w.Lease.Epoch:
		word = "epoch"
	case room.owner != w.Member || room.fence != w.Lease.Fence:
		word = "fence"
	case !room.lease.After(at):
		word = "lease"
	case room.rev == w.Rev:
		room.lease = at.Add(w.For)
	case !agrees(at, w.Clock, sent):
		word = "clock"
	case main.cleared.After(w.Cleared):
		word = "cleared"
	case main.window.Until.After(at) && main.window.Until.After(window.Until.Add(time.Second)):
		word = "window"
	case room.rev != w.Read:
		word = "rev"
	default:
		if record.Attempt.After != "" {
			m.begun = append(m.begun, time.Now())
		}
		room.record, room.rev, room.lease = record, w.Rev, at.Add(w.For)
		room.writes++
		if !main.window.Until.After(at) {
			main.window = machine.Window{}
		}
		if len(record.Windows) > 0 {
			main.keep(at, window)
		}
	}
	return m.answer(word, at, room, main)
}
