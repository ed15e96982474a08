package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Room is one record that is shared, with the lease of who may write it.
type Room struct {
	Key string // what a window is on; the window, the members and the salt are those of the key
	// Credential: the room of those who ask with another credential than the leader
	// of the key. Empty: the key's own room.
	Credential string
}

func (r Room) args(more ...any) []any {
	main := "sidecar:{" + r.Key + "}"
	room := main
	if r.Credential != "" {
		room += ":" + r.Credential
	}
	return append([]any{room, main, main + ":members"}, more...)
}

// Lease is the right to ask and to write. The zero value is none.
type Lease struct {
	Epoch string
	Fence int64
}

// Look is what a member says and wants at its look.
type Look struct {
	Member, Tag string        // who looks, and what others see of it
	Wants       bool          // take the lease if nobody has it, or keep it
	Lease       Lease         // the one that it has
	For         time.Duration // length of a lease
	Salt        []byte        // for a room that begins now
	Window      machine.Window
	Clock       Clock // brings the window on Redis' clock
	// What the last answer about the key's own room had for its epoch, its number of
	// writings and its revision: if they are not there any more, an older copy of Redis has
	// taken over.
	Epoch string
	Seen  int64
	Rev   string
	Heir  bool // its lease lasts: it comes first if the room is lost
}

// Look tells Redis that a member lives, and returns what is there.
func (r *Redis) Look(ctx context.Context, room Room, l Look) (Answer, error) {
	now := time.Now()
	opened, until, text := windowArgs(l.Window, l.Clock, now)
	return r.run(ctx, lookScript, room.args(l.Member, l.Tag, l.Wants, l.Lease.Epoch, l.Lease.Fence, l.For.Milliseconds(),
		hex.EncodeToString(newSalt()), l.Salt, opened, until, text, stampFor(l.Clock.At(now)), l.Epoch, l.Seen, l.Rev, l.Heir)...)
}

// Write is a record with what it is written under.
type Write struct {
	Member  string
	Lease   Lease
	For     time.Duration // the lease is kept for so long
	Read    string        // the revision that the writer has read
	Rev     string        // the new one
	Record  machine.Record
	Cleared time.Time // the last clearing that the writer knows, on Redis' clock
	Salt    []byte
	Clock   Clock // brings the record on Redis' clock
}

// Save writes a record, unless the answer's word says why not: epoch, fence, lease
// (it is not the writer's any more), cleared, window, rev (somebody has written what
// the writer does not know), clock (somebody has set Redis').
func (r *Redis) Save(ctx context.Context, room Room, w Write) (Answer, error) {
	now := time.Now()
	var window machine.Window
	for _, known := range w.Record.Windows {
		if known.Key == room.Key {
			window = known
		}
	}
	text, err := textOf(w.Record, w.Rev, w.Salt, w.Clock, now)
	if err != nil {
		return Answer{}, err
	}
	opened, until, windowText := windowArgs(window, w.Clock, now)
	return r.run(ctx, saveScript, room.args(w.Member, w.Lease.Epoch, w.Lease.Fence, w.For.Milliseconds(), w.Read, w.Rev, text,
		opened, until, windowText, stampFor(w.Cleared), stampFor(w.Clock.At(now)))...)
}

// Read returns what is there, and changes nothing.
func (r *Redis) Read(ctx context.Context, room Room) (Answer, error) {
	return r.run(ctx, readScript, room.args()...)
}

// Leave gives a lease up, and takes the member off the list.
func (r *Redis) Leave(ctx context.Context, room Room, member, tag string, lease Lease) error {
	_, err := r.run(ctx, leaveScript, room.args(member, tag, lease.Epoch, lease.Fence)...)
	return err
}

// textOf is a record as it stands in Redis. The window stands beside it.
func textOf(r machine.Record, rev string, salt []byte, clock Clock, now time.Time) (string, error) {
	r.Windows = nil
	if len(salt) == 0 {
		salt = newSalt() // no room without one; nobody reads this copy
	}
	text, err := encode(content{version, clock.At(now).UTC(), rev, salt, clock.ToRedis(r, now)})
	return string(text), err
}

// windowArgs is a window on Redis' clock; the zero one ends at 0.
func windowArgs(w machine.Window, clock Clock, now time.Time) (opened, until int64, text string) {
	if w.Until.IsZero() {
		return 0, 0, ""
	}
	w = clock.ToRedis(machine.Record{Windows: []machine.Window{w}}, now).Windows[0]
	b, _ := json.Marshal(w) // bounded times: it cannot fail
	return stampFor(w.Opened), stampFor(w.Until), string(b)
}
