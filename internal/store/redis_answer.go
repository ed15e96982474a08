package store

import (
	"encoding/json"
	"reflect"
	"strconv"
	"time"

	"github.com/gomodule/redigo/redis"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Answer is what a script found, as it was when it ended. All its times are Redis'
// own; [Clock] brings them on ours.
type Answer struct {
	Word  string // ok, or what a writing is refused for
	Clock Clock  // measured by this answer

	Epoch   string // random, another one each time the room begins anew; empty: it is not there
	Fence   int64  // another one with each lease of an epoch
	Owner   string // of the lease; empty: nobody has had one
	Lease   time.Time
	Rev     string         // of the record
	Writes  int64          // of the record of the key's own room, since it began
	Record  machine.Record // its window is the key's, whoever has opened it
	Salt    []byte
	Cleared time.Time // what was opened before is over by an operator's word; zero: none has been given
	Lifted  time.Time // when a ban of the key was lifted; zero: none was
	Members []string  // tags of those that have looked in the last ten seconds
}

// Held reports whether the lease is in force.
func (a Answer) Held() bool { return a.Lease.After(a.Clock.redis) }

// Clock measures Redis' clock by ours. The zero value measures nothing.
type Clock struct {
	ours  time.Time // with its monotonic reading
	redis time.Time
	blur  time.Duration // how far off it may be, either way
}

// NewClock is a clock that showed redis when ours showed so, give or take blur.
func NewClock(ours, redis time.Time, blur time.Duration) Clock { return Clock{ours, redis, blur} }

// Better is the clock that measures more closely now. Another one also takes its
// place when it cannot be right any more, since somebody has set Redis' clock.
func (c Clock) Better(other Clock) Clock {
	if c.ours.IsZero() {
		return other
	}
	blur := c.blur + other.ours.Sub(c.ours)/10000 // two quartzes
	if off := c.At(other.ours).Sub(other.redis).Abs(); other.blur <= blur || off > blur+other.blur {
		return other
	}
	return c
}

// Read is what Redis' clock showed when it was read.
func (c Clock) Read() time.Time { return c.redis }

// At is what Redis' clock shows when ours shows t.
func (c Clock) At(t time.Time) time.Time { return c.redis.Add(t.Sub(c.ours)) }

// Ours is our clock's time of a stamp of Redis', as it is now: on the wall, and on
// the clock that nobody sets.
func (c Clock) Ours(stamp time.Time) time.Time { return c.ours.Add(stamp.Sub(c.redis)) }

// ToRedis brings the times of a record, which are on our wall clock of now, on
// Redis' clock.
func (c Clock) ToRedis(r machine.Record, now time.Time) machine.Record {
	at, wall := c.At(now), now.Round(0)
	return Storable(mapTimes(reflect.ValueOf(r), func(t time.Time) time.Time { return at.Add(t.Sub(wall)) }).Interface().(machine.Record))
}

// Local brings the times of a record from Redis' clock on ours.
func (c Clock) Local(r machine.Record) machine.Record {
	return mapTimes(reflect.ValueOf(r), c.Ours).Interface().(machine.Record)
}

func stampOf(text string) time.Time {
	ms, _ := strconv.ParseInt(text, 10, 64)
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func stampFor(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// readAnswer reads what answer.lua gives.
func readAnswer(reply []any, asked, answered time.Time) (Answer, error) {
	var a Answer
	var at int64
	var room, main []any
	if _, err := redis.Scan(reply, &a.Word, &at, &room, &main, &a.Members); err != nil {
		return a, err
	}
	blur := answered.Sub(asked) / 2
	a.Clock = NewClock(asked.Add(blur), time.UnixMilli(at).UTC(), blur+time.Millisecond)
	fields, err := redis.StringMap(room, nil)
	if err != nil {
		return a, err
	}
	shared := fields
	if len(main) > 0 {
		if shared, err = redis.StringMap(main, nil); err != nil {
			return a, err
		}
	}
	a.Epoch, a.Owner, a.Rev, a.Salt = fields["epoch"], fields["owner"], fields["rev"], []byte(shared["salt"])
	a.Fence, _ = strconv.ParseInt(fields["fence"], 10, 64)
	a.Writes, _ = strconv.ParseInt(shared["writes"], 10, 64)
	a.Lease, a.Cleared, a.Lifted = stampOf(fields["lease_until"]), stampOf(shared["cleared"]), stampOf(shared["lifted"])
	if text := fields["record"]; text != "" {
		var c content
		if c, err = decode([]byte(text)); err != nil {
			return a, &redisFault{"what is stored there cannot be read: " + err.Error()}
		}
		a.Record = c.Record
	}
	a.Record.Windows = nil
	if text := shared["window"]; text != "" {
		var w machine.Window
		if json.Unmarshal([]byte(text), &w) != nil || w.Key == "" || !w.Opened.Before(w.Until) {
			return a, &redisFault{"what is stored there cannot be read: it holds half a window"}
		}
		if w.Until.After(a.Clock.redis) {
			a.Record.Windows = []machine.Window{w}
		}
	}
	return a, nil
}
