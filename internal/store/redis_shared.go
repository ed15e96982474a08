package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Shared is a fleet's record as a command sees it: it reads, and can clear. Use
// [OpenShared]; who asks the database is a fleet.Member.
type Shared struct {
	redis *Redis
	room  Room
	began time.Time
	salt  []byte
}

// OpenShared returns the record of a key.
func OpenShared(r *Redis, key string) *Shared {
	return &Shared{redis: r, room: Room{Key: key}, began: now(), salt: newSalt()}
}

// Load implements [Store].
func (s *Shared) Load(ctx context.Context) (machine.Record, bool, error) {
	a, err := s.redis.Read(ctx, s.room)
	if err != nil {
		return machine.Record{Lost: s.began}, false, Unread(err)
	}
	if len(a.Salt) > 0 {
		s.salt = a.Salt
	}
	return a.Clock.Local(a.Record), false, nil
}

// Unread is an error of Redis as one of a store that could not be looked at, and may
// hold a window.
func Unread(err error) error {
	lost := &LostError{Place: "redis", Why: err.Error(), Unseen: true, cause: err}
	if away, ok := errors.AsType[*AwayError](err); ok {
		lost.Place, lost.Why = away.Address, away.Why
	}
	return lost
}

// Save implements [Store]: a command never writes a record.
func (s *Shared) Save(context.Context, machine.Record) error {
	return errors.New("a command does not write a fleet's record")
}

// Clear drops the window and what is left of the record from before a time, whoever
// leads. Members hear of it within a second.
func (s *Shared) Clear(ctx context.Context, asked time.Time) error {
	_, err := s.amend(ctx, "cleared", asked, func(r machine.Record) (machine.Record, bool) {
		r, _ = r.ClearBefore(asked)
		if r.Attempt.At.Before(asked) {
			r.Attempt = machine.Begun{}
		}
		r.Cleared = asked
		return r, true
	})
	return err
}

// Lift leaves word that the ban of the key was lifted at a time: the window that it has
// opened is over, and nothing else. found: there is a fleet to hear it.
func (s *Shared) Lift(ctx context.Context, at time.Time) (found bool, err error) {
	return s.amend(ctx, "lifted", at, func(r machine.Record) (machine.Record, bool) {
		r.Lifted = machine.Lift{Key: s.room.Key, At: at}
		if v := r.Verdict; v.Trigger == machine.TriggerNetworkBan && v.Since.Before(at) {
			r.Verdict = machine.Verdict{}
		}
		return r, len(r.Windows) > 0 && r.Windows[0].Trigger == machine.TriggerNetworkBan
	})
}

// amend adds an operator's word of a time to what is there. change also says whether
// the window is meant, if it was opened before.
func (s *Shared) amend(ctx context.Context, word string, at time.Time, change func(machine.Record) (machine.Record, bool)) (found bool, err error) {
	for {
		a, err := s.redis.Read(ctx, s.room)
		if err != nil || a.Epoch == "" {
			return false, err
		}
		opened := int64(math.MaxInt64)
		r, meant := change(a.Clock.Local(a.Record))
		if meant && len(a.Record.Windows) > 0 {
			opened = stampFor(a.Record.Windows[0].Opened)
		}
		rev := fmt.Sprintf("%s-%x", word, newSalt()[:4])
		text, err := textOf(r, rev, a.Salt, a.Clock, time.Now())
		if err != nil {
			return false, err
		}
		a, err = s.redis.run(ctx, clearScript, s.room.args(a.Rev, rev, text, stampFor(a.Clock.At(at)), opened, word)...)
		if err != nil || a.Word == "ok" {
			return err == nil, err
		}
	}
}

// Salt implements [Store].
func (s *Shared) Salt() []byte { return s.salt }

// Kind implements [Store].
func (*Shared) Kind() string { return "redis" }

// Close implements [Store].
func (s *Shared) Close() error { return s.redis.Close() }

// Address names the server without its secrets.
func (s *Shared) Address() string { return s.redis.Address() }
