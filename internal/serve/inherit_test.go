package serve

import (
	"bytes"
	"encoding/json"
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
	now := time.Now().UTC().Truncate(time.Second)
	window := func(instance, key string, left time.Duration) health.Status {
		until := now.Add(left)
		return health.Status{
			State: "lockout", Reason: "lockout", Trigger: "circuit_breaker", Key: key, Instance: instance, Since: now.Add(-time.Hour),
			RetryAt: &until, RetryInSeconds: int64(left / time.Second), WindowsInRow: 2, LastAttempt: &health.LastAttempt{At: now.Add(-time.Minute)},
		}
	}
	behind := window("other", "k", 10*time.Minute)
	behind.RetryInSeconds = 900 // its clock is five minutes behind ours
	stopping := window("other", "k", 10*time.Minute)
	stopping.State, stopping.History = "stopping", []health.HistoryItem{{From: "ready", To: "lockout"}}
	echo := window("other", "k", 3*time.Second)
	echo.State, echo.History = "stopping", []health.HistoryItem{{From: "ready", To: "retrying"}}
	lost := health.Status{State: "starting", Reason: "store_lost", Key: "k", Instance: "other", RetryAt: window("", "", 5*time.Minute).RetryAt, RetryInSeconds: 300}
	ready := health.Status{State: "ready", Key: "k", Instance: "other"}
	for name, c := range map[string]struct {
		answers []health.Status // one after the other; the last one repeats
		left    time.Duration   // 0: no window
		asked   int
	}{
		"window":      {[]health.Status{window("other", "k", 10*time.Minute)}, 10 * time.Minute, 1},
		"no window":   {[]health.Status{ready}, 0, 1},
		"itself":      {[]health.Status{window("own", "k", 10*time.Minute)}, 0, 5},
		"first own":   {[]health.Status{window("own", "k", time.Minute), window("other", "k", 10*time.Minute)}, 10 * time.Minute, 2},
		"trial out":   {[]health.Status{window("other", "k", 0), window("other", "k", 16*time.Minute)}, 16 * time.Minute, 2},
		"trial ended": {[]health.Status{window("other", "k", 0), ready}, 0, 2},
		"trial hangs": {[]health.Status{window("other", "k", 0)}, 0, 5},
		"behind":      {[]health.Status{behind}, 15 * time.Minute, 1},
		"stopping":    {[]health.Status{stopping}, 10 * time.Minute, 1},
		"echo":        {[]health.Status{echo}, 0, 1},
		"store lost":  {[]health.Status{lost}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n := int(asked.Add(1))
				json.NewEncoder(w).Encode(c.answers[min(n, len(c.answers))-1])
			}))
			defer server.Close()
			var log bytes.Buffer
			mine := machine.Record{Windows: []machine.Window{{Key: "mine"}}}
			asking := config.Config{InheritURL: server.URL, LockoutMin: config.Span(8 * time.Second)}
			record := inherit(t.Context(), asking, mine, "own", slog.New(slog.NewTextHandler(&log, nil)))
			if n := int(asked.Load()); n < c.asked || n > c.asked+1 {
				t.Errorf("asked %d times, want %d", n, c.asked)
			}
			if warned := strings.Contains(log.String(), "going on. If it"); warned != (c.asked == 5) {
				t.Errorf("log: %s", &log)
			}
			if want := name == "store lost"; record.Lost.IsZero() == want || want && record.Lost.Sub(now.Add(5*time.Minute-8*time.Second)).Abs() > time.Second {
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
