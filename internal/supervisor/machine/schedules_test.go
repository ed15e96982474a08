package machine

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// targets are what a schedule may rotate to.
var targets = []Target{
	{Key: "one", Credential: "a", DSN: "1", Shared: true}, {Key: "one", Credential: "b", DSN: "2", Shared: true},
	{Key: "two", Credential: "c", DSN: "3", DBHost: true}, {Key: "three", Credential: "d", DSN: "4"},
	{Key: "one", Credential: "a", DSN: "5", Fault: ReasonGuard}, {Key: "three", Credential: "d", DSN: "6"},
}

// probed are the reasons that a probe may end with.
var probed = func() (reasons []Reason) {
	for _, rule := range Rules {
		if rule.State != Misconfigured && rule.State != Starting {
			reasons = append(reasons, rule.Reason)
		}
	}
	return reasons
}()

// TestSchedules drives the machine through random outcomes, pauses, clock jumps,
// rotations, restarts, crashes, clears, writings of other processes with clocks of
// their own and faults of the store, and holds it to the invariants that need no
// knowledge of its inside: no permit in a window, window and hold within their
// bounds, one permit at a time, silence after a lost store.
func TestSchedules(t *testing.T) {
	schedules, attempts := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		schedules++
		s := newSchedule(t)
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				s.now = s.now.Add(time.Duration(rapid.Int64Range(0, int64(25*time.Minute)).Draw(t, "pause")))
			},
			"wait until due": func(t *rapid.T) {
				if due, ok := s.m.Due(s.now); ok {
					s.now = due
				}
			},
			"set the clock":  func(t *rapid.T) { s.jump(t, -1e6, 1e6); s.save() },
			"restart":        func(t *rapid.T) { s.restart(t) },
			"break the disk": func(t *rapid.T) { s.broken = true },
			"mend the disk":  func(t *rapid.T) { s.broken = false; s.save() },
			"set back while nothing runs": func(t *rapid.T) {
				s.jump(t, -1e6, 0)
				s.restart(t)
			},
			"lose the store":    s.lose,
			"hide the store":    func(t *rapid.T) { s.hide(t) },
			"find the store":    func(t *rapid.T) { s.find(t) },
			"clear":             s.clear,
			"clear at a start":  s.clearAtStart,
			"lift a ban":        s.lift,
			"somebody writes":   s.heed,
			"rotate":            s.rotate,
			"probe":             s.probe,
			"crash":             func(t *rapid.T) { s.crash(t) },
			"look at the state": func(t *rapid.T) { s.look(t) },
		})
		attempts += s.attempts
	})
	t.Logf("%d schedules, %d attempts, 0 violations", schedules, attempts)
}

// schedule is one run of the machine beside a model of what it may do.
type schedule struct {
	m        *Machine
	random   func() float64
	policy   Policy
	now      time.Time
	target   Target
	attempts int

	// The store: a text and the model as it was when that was written.
	broken bool
	hidden bool // it is there and cannot be looked at
	text   []byte
	saved  model
	model
}

func newSchedule(t *rapid.T) *schedule {
	jitter := rapid.Float64Range(0, 0.999999)
	s := &schedule{
		policy: DefaultPolicy(), now: time.Now(), target: rapid.SampledFrom(targets).Draw(t, "target"),
		random: func() float64 { return jitter.Draw(t, "jitter") },
	}
	s.model = newModel()
	s.m = New(s.policy, s.target, s.random, s.now)
	s.save()
	return s
}

// span draws a span of time.
func span(t *rapid.T, name string, least, most time.Duration) time.Duration {
	return time.Duration(rapid.Int64Range(int64(least), int64(most)).Draw(t, name))
}

// jump sets the clock by so many seconds.
func (s *schedule) jump(t *rapid.T, least, most int64) {
	s.now = jumped(s.now, time.Duration(rapid.Int64Range(least, most).Draw(t, "jump"))*time.Second)
}

// save stores the record, unless the disk is broken, or nobody has read it yet.
func (s *schedule) save() {
	if s.broken || s.hidden {
		return
	}
	var err error
	if s.text, err = json.Marshal(s.m.Record(s.now)); err != nil {
		panic(err)
	}
	s.saved = s.model.carried(s.now, deadline.written)
}

// record is what is stored.
func (s *schedule) record(t *rapid.T) (r Record) {
	if err := json.Unmarshal(s.text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// begin starts another process with a record.
func (s *schedule) begin(t *rapid.T, r Record) {
	s.hidden = false
	s.m = New(s.policy, s.target, s.random, s.now)
	s.m.Restore(s.now, r)
	if due, ok := s.m.Due(s.now); ok && due.Sub(s.now) > s.policy.Longest() {
		t.Fatalf("after a restart the next attempt is in %s", due.Sub(s.now))
	}
}

// restart begins another process with what was stored. The model forgets what was
// not.
func (s *schedule) restart(t *rapid.T) {
	s.model = s.saved.carried(s.now, deadline.read)
	s.begin(t, s.record(t))
	s.save()
}

// lose begins another process, which finds a store that it cannot read.
func (s *schedule) lose(t *rapid.T) {
	age := span(t, "age", -time.Hour, time.Hour)
	stamp := s.now.Add(-max(age, 0)) // not written in the future
	s.model = newModel()
	s.lost = deadline{stamp.Add(s.policy.Lockout.Min), stamp, s.policy.Lockout.Min}
	s.begin(t, Record{Lost: s.now.Add(-age).Round(0)})
	s.save()
}

// hide begins another process, which cannot look at the store; find lets it.
func (s *schedule) hide(t *rapid.T) {
	s.model = newModel()
	s.lost = deadline{s.now.Add(s.policy.Lockout.Min), s.now, s.policy.Lockout.Min}
	s.begin(t, Record{Lost: s.now.Round(0)})
	s.hidden = true
}

func (s *schedule) find(t *rapid.T) {
	if !s.hidden {
		return
	}
	known := s.model
	stored := s.saved.carried(s.now, deadline.read)
	if s.now.Before(known.lost.at) {
		s.model = stored
		for key, d := range known.windows {
			s.keep(key, d, s.now)
		}
	} else {
		for key, d := range stored.windows {
			s.keep(key, d, s.now)
		}
	}
	s.hidden = false
	s.m.Found(s.now, s.record(t))
	s.save()
}

// clear drops what was opened before a time; what was opened since stays.
func (s *schedule) clear(t *rapid.T) {
	asked := s.now.Add(1 - span(t, "ago", 0, 30*time.Minute)).Round(0)
	s.m.Heed(s.now, Record{Cleared: asked})
	s.clearBefore(asked, s.now)
	if due, ok := s.m.Due(s.now); ok && !s.silent(s.target, s.now) && due.Sub(s.now) > s.policy.Longest() {
		t.Fatalf("cleared, and the next attempt is in %s", due.Sub(s.now))
	}
	s.save()
}

// clearAtStart begins another process, which is told of a time before which all is
// over.
func (s *schedule) clearAtStart(t *rapid.T) {
	before := s.now.Add(-span(t, "ago", 0, 30*time.Minute)).Round(0)
	s.model = s.saved.carried(s.now, deadline.read)
	s.clearBefore(before, s.now)
	r, _ := s.record(t).ClearBefore(before)
	s.begin(t, r)
	s.save()
}

// lift drops the window of one key's ban, if it was opened before a time.
func (s *schedule) lift(t *rapid.T) {
	asked := s.now.Add(1 - span(t, "ago", 0, 30*time.Minute)).Round(0)
	key := rapid.SampledFrom(targets).Draw(t, "whose").Key
	s.m.Heed(s.now, Record{Lifted: Lift{key, asked}})
	if d := s.windows[key]; d.most == s.policy.Ban.Max && s.now.Add(d.opened.Sub(s.now)).Round(0).Before(asked) {
		delete(s.windows, key)
	}
	s.look(t)
	s.save()
}

// heed lets another process write a window, by a clock of its own.
func (s *schedule) heed(t *rapid.T) {
	skew := span(t, "skew", -time.Hour, time.Hour)
	w := Window{
		Key: rapid.SampledFrom(targets).Draw(t, "whose").Key, Trigger: rapid.SampledFrom(Triggers).Draw(t, "trigger"), InRow: 1,
		Opened: s.now.Add(skew - span(t, "age", 0, 40*time.Minute)).Round(0),
	}
	w.Until = w.Opened.Add(span(t, "length", time.Second, time.Hour))
	s.keep(w.Key, deadline{w.Until, w.Opened, s.policy.Window(w.Trigger).Max}.read(s.now), s.now)
	s.m.Heed(s.now, Record{Windows: []Window{w}})
	s.save()
}

// rotate changes the target.
func (s *schedule) rotate(t *rapid.T) {
	s.target = rapid.SampledFrom(targets).Draw(t, "target")
	s.m.SetTarget(s.now, s.target)
	s.save()
}

// look holds what people are told against the model.
func (s *schedule) look(t *rapid.T) {
	window := s.windows[s.target.Key].at
	if v := s.m.Status(s.now); s.target.Fault == "" && s.now.Before(window) && (v.State != Lockout || !v.Next.Equal(window)) {
		t.Fatalf("%+v inside a window until %s", v, window)
	}
}
