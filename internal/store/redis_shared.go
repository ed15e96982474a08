package store

import (
	"context"
	"errors"
	"fmt"
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
	for {
		a, err := s.redis.Read(ctx, s.room)
		if err != nil {
			return err
		}
		if a.Epoch == "" {
			return nil
		}
		at := a.Clock.At(asked)
		r := a.Clock.Local(a.Record)
		var opened int64
		if len(a.Record.Windows) > 0 {
			opened = stampFor(a.Record.Windows[0].Opened)
		}
		r, _ = r.ClearBefore(asked)
		if r.Attempt.At.Before(asked) {
			r.Attempt = machine.Begun{}
		}
		r.Cleared = asked
		rev := fmt.Sprintf("clear-%x", newSalt()[:4])
		moment := time.Now()
		text, err := textOf(r, rev, a.Salt, a.Clock, moment)
		if err != nil {
			return err
		}
		a, err = s.redis.run(ctx, clearScript, s.room.args(a.Rev, rev, text, stampFor(at), opened)...)
		if err != nil || a.Word == "ok" {
			return err
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
