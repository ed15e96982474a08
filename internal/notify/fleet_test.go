package notify

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// fellow is one member of a fleet, or a sidecar alone, as its notifier sees it.
type fellow struct {
	*Notifier
	teller *teller
	shows  supervisor.Snapshot
	refuse bool // nobody takes its messages
}

// newFellow writes down what it tells in said, and in stored what people know.
func newFellow(now time.Time, said *[]Event, stored *machine.Told) *fellow {
	f := &fellow{teller: &teller{start: now}}
	f.Notifier = New(Options{
		To: Receiver{URL: dsn.NewSecret("https://example.com/secret")}, Snapshot: func() *supervisor.Snapshot { s := f.shows; return &s },
		Tell: func(_ context.Context, told machine.Told) { *stored = told }, Stored: true, Log: slog.New(slog.DiscardHandler),
	})
	f.own, f.scratch, f.ownScratch = &teller{start: now}, "/none/told", "/none/own"
	f.post = func(_ context.Context, m Message) Answer {
		if !f.refuse {
			*said = append(*said, m.Event)
		}
		return Answer{OK: !f.refuse}
	}
	return f
}

// lookAt looks at a verdict, and sends what there is to tell before the context ends.
func (f *fellow) lookAt(now time.Time, s supervisor.Snapshot) {
	f.shows = s
	f.look(f.teller, now)
	ctx, cancel := context.WithCancel(context.Background())
	if f.refuse { // it dies between two tries
		post := f.post
		f.post = func(ctx context.Context, m Message) Answer { defer cancel(); return post(ctx, m) }
	}
	defer cancel()
	for len(f.queue) > 0 {
		f.send(ctx, <-f.queue)
	}
}

// TestTakeovers: whoever leads, and however often that changes, people hear what one
// sidecar alone would have told them: no message twice, and none is lost.
func TestTakeovers(t *testing.T) {
	names := []string{"ready", "network", "watched", "breaker", "retry", "auth_failed", "tenant"}
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 1, 18, 15, 0, 0, 0, time.UTC)
		var want, said []Event
		var alone, stored machine.Told
		single := newFellow(now, &want, &alone)
		members := []*fellow{newFellow(now, &said, &stored), newFellow(now, &said, &stored), newFellow(now, &said, &stored)}
		leader := 0
		var s supervisor.Snapshot
		for range rapid.IntRange(1, 12).Draw(t, "verdicts") {
			next := verdicts[rapid.SampledFrom(names).Draw(t, "verdict")]
			if next.State != s.State || next.Reason != s.Reason || next.Trigger != s.Trigger { // else it goes on
				s.Status = next
				if s.Since = now; s.State == machine.Lockout || s.State == machine.Rejected {
					s.Next = now.Add(time.Hour)
				}
			}
			for range rapid.IntRange(1, 3).Draw(t, "leaders") {
				if len(members) > 1 && rapid.IntRange(0, 4).Draw(t, "dies") == 0 { // its last message with it
					s.Told, s.Fleet = stored, &supervisor.FleetStatus{Leads: true, Asks: true}
					members[leader].refuse = true
					members[leader].lookAt(now, s)
					members = slices.Delete(members, leader, leader+1)
				}
				leader = rapid.IntRange(0, len(members)-1).Draw(t, "leader")
				ahead := time.Duration(rapid.IntRange(-300, 300).Draw(t, "ms")) * time.Millisecond
				for range rapid.IntRange(1, 90).Draw(t, "seconds") {
					now = now.Add(time.Second)
					s.Fleet, s.Told = nil, alone
					single.lookAt(now, s)
					s.Told = stored // as all of them know it then
					for i, m := range members {
						s := s // machines differ about when a window opened
						s.Since = s.Since.Add(time.Duration(i) * ahead)
						s.Fleet = &supervisor.FleetStatus{Leads: i == leader, Asks: i == leader}
						m.lookAt(now, s)
					}
				}
			}
		}
		if !slices.Equal(said, want) {
			t.Fatalf("told %v, one alone %v", said, want)
		}
	})
}

// TestOwnMatters: a member whose own DSN is refused says so itself, and says when that
// is over; of the fleet's verdict a follower says nothing, and of a refused credential
// whoever asks with it.
func TestOwnMatters(t *testing.T) {
	now := time.Date(2026, 1, 18, 15, 0, 0, 0, time.UTC)
	var said []Event
	var stored machine.Told
	f := newFellow(now, &said, &stored)
	show := func(name string, fleet supervisor.FleetStatus, fault machine.Reason, want ...Event) {
		t.Helper()
		s := supervisor.Snapshot{Status: verdicts[name], Fleet: &fleet, Target: machine.Target{Key: "k", Fault: fault}, Told: stored}
		if s.Since = now; s.State == machine.Lockout || s.State == machine.Rejected {
			s.Next = now.Add(time.Hour)
		}
		said = nil
		for range 120 {
			now = now.Add(time.Second)
			f.lookAt(now, s)
		}
		if !slices.Equal(said, want) {
			t.Errorf("%s, %+v: told %v, want %v", name, fleet, said, want)
		}
	}
	follows, apart, leads := supervisor.FleetStatus{}, supervisor.FleetStatus{Asks: true}, supervisor.FleetStatus{Asks: true, Leads: true}
	show("network", follows, "")
	show("guard", follows, machine.ReasonGuard, Misconfigured)
	show("breaker", follows, "")
	if !stored.IsZero() {
		t.Errorf("what is its own is stored as the fleet's: %+v", stored)
	}
	show("ready", follows, "", Ready)
	show("breaker", apart, "")
	show("auth_failed", apart, "", Rejected)
	show("ready", apart, "", Ready)
	show("breaker", leads, "", Lockout)
	show("ready", follows, "")
	show("ready", leads, "", Ready)
	said, f.shows.Fleet = nil, &follows
	if f.send(t.Context(), queued{Message: Message{Event: Lockout}}); len(said) > 0 {
		t.Errorf("told %v after somebody else leads", said)
	}
}
