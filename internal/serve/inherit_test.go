package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestInherit: whose answers count, for which key, and until when.
func TestInherit(t *testing.T) {
	type answers = []health.Status
	window := func(now time.Time, instance, key string, left time.Duration) health.Status {
		until := now.Add(left)
		return health.Status{
			State: "lockout", Reason: "lockout", Trigger: "circuit_breaker", Key: key, Instance: instance, Since: now.Add(-time.Hour),
			RetryAt: &until, RetryInSeconds: int64(left / time.Second), WindowsInRow: 2, LastAttempt: &health.LastAttempt{At: now.Add(-time.Minute)},
		}
	}
	windows := func(instance, key string, left time.Duration) func(now time.Time) answers {
		return func(now time.Time) answers { return answers{window(now, instance, key, left)} }
	}
	ready := health.Status{State: "ready", Key: "k", Instance: "other"}
	for name, c := range map[string]struct {
		answers func(now time.Time) answers // one after the other; the last one repeats
		left    time.Duration               // 0: no window
		asked   int
	}{
		"window":    {windows("other", "k", 10*time.Minute), 10 * time.Minute, 1},
		"no window": {func(time.Time) answers { return answers{ready} }, 0, 1},
		"itself":    {windows("own", "k", 10*time.Minute), 0, 5},
		"first own": {func(now time.Time) answers {
			return answers{window(now, "own", "k", time.Minute), window(now, "other", "k", 10*time.Minute)}
		}, 10 * time.Minute, 2},
		"trial out": {func(now time.Time) answers {
			return answers{window(now, "other", "k", 0), window(now, "other", "k", 16*time.Minute)}
		}, 16 * time.Minute, 2},
		"trial ended": {func(now time.Time) answers { return answers{window(now, "other", "k", 0), ready} }, 0, 2},
		"trial hangs": {windows("other", "k", 0), 0, 5},
		"behind": {func(now time.Time) answers {
			behind := window(now, "other", "k", 10*time.Minute)
			behind.RetryInSeconds = 900 // its clock is five minutes behind ours
			return answers{behind}
		}, 15 * time.Minute, 1},
		"stopping": {func(now time.Time) answers {
			stopping := window(now, "other", "k", 10*time.Minute)
			stopping.State, stopping.History = "stopping", []health.HistoryItem{{From: "ready", To: "lockout"}}
			return answers{stopping}
		}, 10 * time.Minute, 1},
		"no history": {func(now time.Time) answers {
			stopping := window(now, "other", "k", 10*time.Minute)
			stopping.State = "stopping"
			return answers{stopping}
		}, 10 * time.Minute, 1},
		"echo": {func(now time.Time) answers {
			echo := window(now, "other", "k", 3*time.Second)
			echo.State, echo.History = "stopping", []health.HistoryItem{{From: "ready", To: "retrying"}}
			return answers{echo}
		}, 0, 1},
		"store lost": {func(now time.Time) answers {
			silent := now.Add(5 * time.Minute)
			return answers{{State: "starting", Reason: "store_lost", Key: "k", Instance: "other", RetryAt: &silent, RetryInSeconds: 300}}
		}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Now().UTC().Truncate(time.Second)
			given := c.answers(now)
			var asked atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n := int(asked.Add(1))
				json.NewEncoder(w).Encode(given[min(n, len(given))-1])
			}))
			defer server.Close()
			record, log := inheritFrom(t, server.URL)
			if n := int(asked.Load()); n < c.asked || n > c.asked+1 {
				t.Errorf("asked %d times, want %d", n, c.asked)
			}
			if warned := strings.Contains(log, "going on. If it"); warned != (c.asked == 5) {
				t.Errorf("log: %s", log)
			}
			if want := name == "store lost"; record.Lost.IsZero() == want || want && record.Lost.Sub(now.Add(5*time.Minute-inheritLockout)).Abs() > 10*time.Second {
				t.Errorf("lost at %s", record.Lost)
			}
			got := record.Windows[1:] // beside what was stored
			if c.left == 0 {
				if len(got) > 0 {
					t.Errorf("inherited %+v", got)
				}
				return
			}
			if len(got) != 1 || got[0].Key != "k" || got[0].Until.Sub(now.Add(c.left)).Abs() > 10*time.Second || got[0].InRow != 2 || !got[0].Opened.Equal(now.Add(-time.Minute)) {
				t.Errorf("inherited %+v, want one until %s", got, now.Add(c.left))
			}
		})
	}
}

// inheritLockout is the shortest window of who asks.
const inheritLockout = 8 * time.Second

// inheritFrom asks a sidecar at a URL, and returns what there is then beside a
// stored window, and what was logged.
func inheritFrom(t *testing.T, url string) (machine.Record, string) {
	t.Helper()
	var log bytes.Buffer
	stored := machine.Record{Windows: []machine.Window{{Key: "mine", Until: time.Now().Add(time.Hour)}}}
	c := config.Config{InheritURL: url, LockoutMin: config.Span(inheritLockout)}
	return inherit(t.Context(), c, stored, "own", slog.New(slog.NewTextHandler(&log, nil))), log.String()
}

// TestInheritBeyondJSON: times that no JSON can carry, in UTC, come in as times
// that can be stored and shown.
func TestInheritBeyondJSON(t *testing.T) {
	for _, status := range []string{
		`"retry_at":"9999-12-31T23:59:59-23:00","retry_in_seconds":900,"since":"9999-12-31T23:59:59-23:00","last_attempt":{"at":"9999-12-31T23:59:58-23:00"}`,
		`"retry_at":"2030-01-01T00:00:00Z","retry_in_seconds":900,"since":"9999-12-31T23:59:59-23:00"`,
		`"retry_at":"0000-01-01T00:00:00+23:00","retry_in_seconds":900,"since":"0000-01-01T00:00:00+23:00"`,
		`"retry_at":"9999-12-31T23:59:59-23:00","retry_in_seconds":9223372036854775807,"since":"2026-01-01T00:00:00Z"`,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"state":"lockout","reason":"lockout","trigger":"circuit_breaker","key":"k","instance":"other",%s}`, status)
		}))
		record, log := inheritFrom(t, server.URL)
		server.Close()
		if len(record.Windows) != 2 || !time.Now().Before(record.Windows[1].Until) {
			t.Fatalf("%s: %+v %s", status, record.Windows, log)
		}
		w := record.Windows[1]
		if _, err := json.Marshal([]time.Time{w.Opened.UTC(), w.Until.UTC()}); err != nil { // as all that is shown is
			t.Errorf("%s: %v", status, err)
		}
	}
}
