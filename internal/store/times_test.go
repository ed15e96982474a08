package store

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestTimesBeyondJSON: a stored time that no JSON can carry is bounded on its way
// in, whichever it is, so that it can be stored again and shown.
func TestTimesBeyondJSON(t *testing.T) {
	const at, most = "2026-01-18T15:00:00Z", "2026-01-18T15:15:00Z"
	whole, err := encode(content{version, now(), "r-1", []byte("salt"), record("k")})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ opened, until string }{
		{"9999-12-31T23:59:58-23:00", "9999-12-31T23:59:59-23:00"},
		{at, "9999-12-31T23:59:59-23:00"},
		{"0000-01-01T00:00:00+23:00", most},
		{"0000-01-01T00:00:00+23:00", "9999-12-31T23:59:59.999999999-23:59"},
		{"0000-01-01T00:00:00+23:00", "0000-01-01T00:00:01+23:00"},
	} {
		text := strings.ReplaceAll(strings.ReplaceAll(string(whole), at, c.opened), most, c.until)
		path := filepath.Join(t.TempDir(), "state.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f := newFile(t, path)
		r, changed := load(t, f)
		w := r.Windows[0]
		if _, err := json.Marshal([]time.Time{w.Opened.UTC(), w.Until.UTC()}); err != nil || !changed || !w.Opened.Before(w.Until) {
			t.Errorf("%+v: %v", w, err)
		}
		m := machine.New(machine.DefaultPolicy(), machine.Target{Key: "k"}, func() float64 { return 0 }, time.Now())
		m.Restore(time.Now(), r)
		save(t, f, m.Record(time.Now()))
		load(t, newFile(t, path))
		v := m.Status(time.Now())
		if _, err := json.Marshal([]time.Time{v.Since.UTC(), v.Next.UTC()}); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestStorable: whatever times a record has it can be written, and what it holds
// already stays as it is.
func TestStorable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		moment := rapid.Custom(func(t *rapid.T) time.Time {
			zone := time.FixedZone("", rapid.IntRange(-24*3600, 24*3600).Draw(t, "zone"))
			return time.Date(rapid.IntRange(-9, 10009).Draw(t, "year"), 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.Int64().Draw(t, "more"))).In(zone)
		})
		r := machine.Record{
			Windows: []machine.Window{{Key: "k", Opened: moment.Draw(t, "opened"), Until: moment.Draw(t, "until")}},
			Verdict: machine.Verdict{Since: moment.Draw(t, "since"), Next: moment.Draw(t, "next")},
			Attempt: machine.Begun{At: moment.Draw(t, "at")},
			Bans:    map[string]machine.Ban{"k": {Rejected: moment.Draw(t, "rejected")}},
			Lost:    moment.Draw(t, "lost"),
		}
		if _, err := json.Marshal(Storable(r)); err != nil {
			t.Fatal(err)
		}
		if w := Storable(r).Windows[0]; !w.Opened.Before(w.Until) {
			t.Fatalf("%+v", w)
		}
	})
	before := record("k")
	text, _ := json.Marshal(before)
	if after, err := json.Marshal(Storable(before)); err != nil || string(after) != string(text) {
		t.Errorf("%v: %s became %s", err, text, after)
	}
}
