package fleet

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"

	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Rooms is the shared store; [store.Redis] is the real one.
type Rooms interface {
	Look(ctx context.Context, room store.Room, l store.Look) (store.Answer, error)
	Save(ctx context.Context, room store.Room, w store.Write) (store.Answer, error)
	Leave(ctx context.Context, room store.Room, member, tag string, lease store.Lease) error
	Close() error
}

// Member is one sidecar of a fleet: a [supervisor.Fleet] and a [store.Store]. Use
// [NewMember]. Its methods may be called by several goroutines.
type Member struct {
	id    string
	rooms Rooms
	views chan supervisor.View
	kick  chan struct{} // look now

	mu     sync.Mutex
	rules  rules
	salt   []byte
	writes int
}

// NewMember returns a member with a name of its own, which speaks for nothing yet.
func NewMember(rooms Rooms) *Member {
	b := make([]byte, 20)
	rand.Read(b) // never fails
	id := hex.EncodeToString(b[:4])
	return &Member{
		id: id, rooms: rooms, salt: b[4:], rules: rules{id: id},
		views: make(chan supervisor.View, 1), kick: make(chan struct{}, 1),
	}
}

// ID names the member; random, 8 hex digits.
func (m *Member) ID() string { return m.id }

// Kind implements [store.Store].
func (*Member) Kind() string { return "redis" }

// Salt implements [store.Store].
func (m *Member) Salt() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.salt
}

// Views implements [supervisor.Fleet].
func (m *Member) Views() <-chan supervisor.View { return m.views }

// Tell implements [supervisor.Fleet].
func (m *Member) Tell(self supervisor.Self) {
	m.mu.Lock()
	before := m.rules.self
	m.rules.tell(self)
	m.mu.Unlock()
	if before.Target != self.Target || before.Held != self.Held {
		select {
		case m.kick <- struct{}{}:
		default:
		}
	}
}

// Run looks until the context ends, and then gives up what it holds.
func (m *Member) Run(ctx context.Context) {
	tick := time.NewTicker(LookEvery)
	defer tick.Stop()
	for {
		m.look(ctx)
		select {
		case <-ctx.Done():
			m.leave()
			return
		case <-tick.C:
		case <-m.kick:
		}
	}
}

// lookTimeout bounds one look, however slow the store is.
const lookTimeout = 2 * time.Second

// look asks the store, and hands on what is known then.
func (m *Member) look(ctx context.Context) {
	if m.idle() {
		return
	}
	m.lookInto(ctx, func() (store.Room, *seat, bool) {
		return store.Room{Key: m.rules.self.Target.Key}, &m.rules.main, m.rules.mayLead(time.Now())
	})
	m.mu.Lock()
	apart := m.rules.err == nil && m.rules.apart()
	m.mu.Unlock()
	if apart {
		m.lookInto(ctx, func() (store.Room, *seat, bool) {
			room, s := m.rules.room()
			return room, s, true
		})
	}
	if ctx.Err() == nil {
		m.show()
	}
}

// idle reports whether there is no DSN, and so no fleet to look for.
func (m *Member) idle() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rules.self.Target.Key == ""
}

// lookInto looks into one room.
func (m *Member) lookInto(ctx context.Context, which func() (store.Room, *seat, bool)) {
	m.mu.Lock()
	room, s, wants := which()
	look, target := m.rules.look(time.Now(), s, wants, m.salt), m.rules.self.Target
	m.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	asked := time.Now()
	a, err := m.rooms.Look(ctx, room, look)
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	switch {
	case target.Key != m.rules.self.Target.Key: // it is about another fleet
	case err != nil:
		m.rules.miss(now, err)
	case look.Lease != s.lease: // a writing knows better
	default:
		m.rules.hear(s, asked, now, a)
		m.salt = a.Salt
	}
}

// show replaces the view that nobody has taken up yet.
func (m *Member) show() {
	m.mu.Lock()
	view := m.rules.view(time.Now())
	m.mu.Unlock()
	select {
	case <-m.views:
	default:
	}
	m.views <- view
}

// Load implements [store.Store]: it looks for the first time. An attempt that was
// begun is left out, because whoever makes it may still live.
func (m *Member) Load(ctx context.Context) (machine.Record, bool, error) {
	if m.idle() {
		return machine.Record{}, false, nil
	}
	m.lookInto(ctx, func() (store.Room, *seat, bool) {
		return store.Room{Key: m.rules.self.Target.Key}, &m.rules.main, false
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.rules.err; err != nil {
		return machine.Record{Lost: time.Now()}, false, store.Unread(err)
	}
	r := m.rules.main.record
	r.Attempt = machine.Begun{}
	return r, false, nil
}

// Save implements [store.Store]: the record is written under the lease, or not at all.
func (m *Member) Save(ctx context.Context, r machine.Record) error {
	m.mu.Lock()
	room, s := m.rules.room()
	m.writes++
	w := store.Write{
		Member: m.id, Lease: s.lease, For: LeaseFor, Read: s.answer.Rev, Rev: fmt.Sprintf("%s-%d", m.id, m.writes),
		Record: r, Cleared: m.rules.self.Stamp, Salt: m.salt, Clock: m.rules.clock,
	}
	trial := r.Attempt.After != "" && room.Credential != ""
	m.mu.Unlock()
	switch {
	case w.Lease == store.Lease{}:
		return m.notOurs("this one has no lease")
	case trial:
		return m.notOurs("the trial is the leader's")
	}
	asked := time.Now()
	a, err := m.rooms.Save(ctx, room, w)
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if err != nil {
		if s.lease != w.Lease || !s.holds(now) {
			return m.rules.notOurs("the store does not answer, and the lease has run out")
		}
		return err
	}
	if s.lease != w.Lease { // another look has found out already
		return m.rules.notOurs("the lease has changed")
	}
	m.rules.hear(s, asked, now, a)
	switch a.Word {
	case "ok":
		if len(a.Record.Windows) > 0 && !slices.ContainsFunc(r.Windows, func(w machine.Window) bool { return w.Key == room.Key }) {
			return &supervisor.ConflictError{Found: m.rules.found(a)} // its end is within what clocks differ by
		}
		return nil
	case "cleared", "window", "rev", "clock":
		return &supervisor.ConflictError{Found: m.rules.found(a)}
	}
	s.lease = store.Lease{}
	return m.rules.notOurs("the lease has ended (" + a.Word + ")")
}

// found is what somebody else has written meanwhile.
func (r *rules) found(a store.Answer) machine.Record {
	found := machine.Record{Windows: r.clock.Local(a.Record).Windows}
	if stamp := a.Cleared; stamp.After(r.self.Stamp) {
		found.Cleared = r.clock.Ours(stamp)
	}
	return found
}

func (m *Member) notOurs(why string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rules.notOurs(why)
}

func (r *rules) notOurs(why string) error {
	holder := r.main.answer.Owner
	if holder == r.id {
		holder = ""
	}
	return &supervisor.NotOursError{Holder: holder, Why: why}
}

// Ours implements [supervisor.Fleet].
func (m *Member) Ours(ctx context.Context, lease string) bool {
	m.lookInto(ctx, func() (store.Room, *seat, bool) {
		room, s := m.rules.room()
		return room, s, true
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	_, s := m.rules.room()
	return leaseName(s.lease) == lease && s.holds(time.Now())
}

// leave gives up what we hold, so that the others need not wait for it to run out.
func (m *Member) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	m.mu.Lock()
	key, tag, main, own := m.rules.self.Target, m.rules.tag(), m.rules.main.lease, m.rules.own.lease
	m.mu.Unlock()
	if key.Key == "" {
		return
	}
	_ = m.rooms.Leave(ctx, store.Room{Key: key.Key}, m.id, tag, main) // else it runs out
	if own != (store.Lease{}) {
		_ = m.rooms.Leave(ctx, store.Room{Key: key.Key, Credential: key.Credential}, m.id, tag, own)
	}
}

// Warning says what is wrong with a store that answers; empty: nothing is known to be.
func (m *Member) Warning() string {
	if r, ok := m.rooms.(*store.Redis); ok {
		return r.Warning()
	}
	return ""
}

// Close implements [store.Store].
func (m *Member) Close() error { return m.rooms.Close() }
