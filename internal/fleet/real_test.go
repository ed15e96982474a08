package fleet

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestModel holds the model that the schedules play with against the real scripts:
// the same questions get the same answers from both.
func TestModel(t *testing.T) {
	server := realpeer.StartRedis(t, realpeer.RedisConfig{})
	real := store.NewRedis(server.URL("", ""))
	defer real.Close()
	rapid.Check(t, func(rt *rapid.T) {
		server.Do(t, "FLUSHALL")
		model := newModel()
		rooms := []store.Room{{Key: "k"}, {Key: "k"}, {Key: "k", Credential: "c"}}
		var clock store.Clock
		leases := make(map[string]store.Lease) // the last that each member was told, by member and room
		read := make(map[store.Room]string)
		seen, modelSeen := make(map[string]store.Answer), make(map[string]store.Answer) // the last about the key's own room, by member
		for i := range rapid.IntRange(1, 40).Draw(rt, "questions") {
			room := rapid.SampledFrom(rooms).Draw(rt, "room")
			who := rapid.SampledFrom([]string{"a", "a", "a", "b"}).Draw(rt, "who")
			// A lease that has ended when it begins, whatever the two clocks say.
			lasts := rapid.SampledFrom([]time.Duration{time.Hour, time.Hour, time.Hour, -time.Second}).Draw(rt, "lease")
			now := time.Now().Truncate(time.Millisecond).UTC()
			var window machine.Window
			if minutes := rapid.IntRange(-9, 3).Draw(rt, "window"); minutes > 0 {
				window = machine.Window{Key: "k", Trigger: machine.TriggerCircuitBreaker, Opened: now.Add(-time.Minute), Until: now.Add(time.Duration(minutes) * time.Minute), InRow: 1}
			}
			lease := leases[who+fmt.Sprint(room)]
			var got, want store.Answer
			var err error
			kind := rapid.SampledFrom(questions).Draw(rt, "kind")
			switch kind {
			case "look":
				l := store.Look{Member: who, Tag: who, Wants: rapid.IntRange(0, 3).Draw(rt, "wants") > 0, Lease: lease, For: lasts, Salt: []byte("salt"), Window: window, Clock: clock, Epoch: seen[who].Epoch, Seen: seen[who].Writes, Rev: seen[who].Rev, Heir: rapid.Bool().Draw(rt, "heir")}
				if i == 0 {
					l.Window = machine.Window{} // there is no clock yet
				}
				modelled := l
				modelled.Lease.Epoch = epochs[fmt.Sprint(room, lease.Epoch)]
				modelled.Epoch, modelled.Seen, modelled.Rev = modelSeen[who].Epoch, modelSeen[who].Writes, modelSeen[who].Rev
				want = model.look(room, modelled, time.Now())
				got, err = real.Look(context.Background(), room, l)
			case "save":
				w := store.Write{Member: who, Lease: lease, For: lasts, Read: read[room], Rev: fmt.Sprint("r", i), Clock: clock}
				if rapid.IntRange(0, 3).Draw(rt, "stale") == 0 {
					w.Read = "stale"
				}
				if !window.Until.IsZero() {
					w.Record.Windows = []machine.Window{window}
				}
				modelled := w
				modelled.Lease.Epoch = epochs[fmt.Sprint(room, lease.Epoch)]
				want = model.save(room, modelled, time.Now())
				got, err = real.Save(context.Background(), room, w)
			case "flush":
				server.Do(t, "FLUSHALL")
				model.flush()
				clear(read)
				continue
			case "clock", "older": // Redis' clock was set; another copy of it has taken over
				d := time.Duration(rapid.SampledFrom([]int{-600, -2, 3, 20}).Draw(rt, "seconds")) * time.Second
				main := model.rooms[rooms[0]]
				if main == nil {
					continue
				}
				switch {
				case kind == "clock":
					server.Do(t, "HINCRBY", "sidecar:{k}", "shift", fmt.Sprint(d.Milliseconds()))
					main.shift += d
				case d < 0: // without the last writing
					server.Do(t, "HINCRBY", "sidecar:{k}", "writes", "-1")
					main.writes--
				case main.rev != "": // with another one in its place
					server.Do(t, "HSET", "sidecar:{k}", "rev", "other")
					main.rev = "other"
				}
				continue
			}
			if err != nil {
				rt.Fatal(err)
			}
			epochs[fmt.Sprint(room, got.Epoch)] = want.Epoch
			if room == rooms[0] {
				seen[who], modelSeen[who] = got, want
			}
			clock, read[room] = clock.Better(got.Clock), got.Rev
			if got.Owner == who && got.Held() {
				leases[who+fmt.Sprint(room)] = store.Lease{Epoch: got.Epoch, Fence: got.Fence}
			}
			if g, w := brief(got), brief(want); g != w {
				rt.Fatalf("%s by %s in %v\nRedis: %s\nmodel: %s", kind, who, room, g, w)
			}
		}
	})
}

// questions are mostly such as a lease makes possible, so that some get through.
var questions = slices.Concat(slices.Repeat([]string{"look"}, 8), slices.Repeat([]string{"save"}, 8), []string{"flush", "clock", "older", "older"})

// epochs are the model's names of Redis' epochs, which are random, by room.
var epochs = make(map[string]string)

func brief(a store.Answer) string {
	if a.Word == "epoch" {
		return a.Word
	}
	window := "none"
	if len(a.Record.Windows) > 0 {
		window = fmt.Sprint(a.Record.Windows[0].Until.Sub(a.Clock.Read()).Round(10 * time.Second))
	}
	return fmt.Sprintf("%s owner %q fence %d held %v rev %q window %s members %d", a.Word, a.Owner, a.Fence, a.Held(), a.Rev, window, len(a.Members))
}
