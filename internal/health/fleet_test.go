package health

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestFleet: a follower says how old the verdict is that it shows, everywhere that
// somebody may look, and when it is too old to trust; whoever asks for itself does not.
func TestFleet(t *testing.T) {
	ready, unknown := machine.Status{State: machine.Ready, Reason: machine.ReasonOK}, machine.Status{State: machine.Retrying, Reason: machine.ReasonUnknown}
	for _, test := range []struct {
		name    string
		status  machine.Status
		fleet   supervisor.FleetStatus
		age     time.Duration // of what was heard
		verbose string
		ready   string   // in /readyz
		page    []string // in order
	}{
		{"a follower", ready, supervisor.FleetStatus{Leader: "5eed0001", Members: 3}, 1200 * time.Millisecond,
			"[+]fleet ok, the leader's verdict is 1s old", `"message":"The database answers.","verdict_age_seconds":1}`,
			[]string{"shows what the leader finds", "5eed0001", "Members", "heard every second"}},
		{"a follower of nobody", ready, supervisor.FleetStatus{Members: 2}, 0,
			"[+]fleet ok, the leader's verdict is 0s old", `"verdict_age_seconds":0}`, []string{"nobody; the next one leads within 15 s"}},
		{"its store is away", ready, supervisor.FleetStatus{Leader: "5eed0001", Away: true}, 23 * time.Second,
			"[-]fleet: the leader's verdict is 23s old: the store does not answer", `That is 23s old: the fleet's store does not answer.","verdict_age_seconds":23}`,
			[]string{"heard at ", "14:59:37 UTC", "not trusted any more"}},
		{"for too long", unknown, supervisor.FleetStatus{Leader: "5eed0001", Away: true}, 75 * time.Second,
			"[-]fleet: the leader's verdict is 75s (1m) old, which is too old to trust: the store does not answer", `too old to trust: the store does not answer.","verdict_age_seconds":75}`,
			[]string{"See that Redis runs", "14:58:45 UTC"}},
		{"the leader", ready, supervisor.FleetStatus{Leads: true, Asks: true, Leader: "c0ffee12", Members: 3}, time.Second,
			"[+]fleet ok\n", `answers."}`, []string{"leader: this sidecar asks for all", "this one", "its own"}},
		{"the leader, alone", ready, supervisor.FleetStatus{Leads: true, Asks: true, Leader: "c0ffee12", Away: true}, time.Hour,
			"[-]fleet: the store does not answer", `answers."}`, []string{"the last leader goes on asking"}},
		{"one with another credential", machine.Status{State: machine.Rejected, Reason: machine.ReasonAuthFailed}, supervisor.FleetStatus{Asks: true, Leader: "5eed0001", Members: 2}, time.Second,
			"[+]fleet ok\n", `changes."}`, []string{"it asks for itself", "own, which is rejected and held"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(time.Date(2026, 1, 18, 15, 0, 0, 0, time.UTC)))
			s := &supervisor.Snapshot{Status: test.status, Fleet: &test.fleet}
			if s.Since, s.Fleet.Heard = time.Now(), time.Now().Add(-test.age); s.State == machine.Rejected {
				s.Next = time.Now().Add(time.Hour)
			}
			handler := NewHandler(Source{Snapshot: func() *supervisor.Snapshot { return s }, StoreKind: "redis", Instance: "c0ffee12"})
			get := func(path string) string {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
				return w.Body.String()
			}
			if text := get("/readyz?verbose"); !strings.Contains(text, test.verbose) {
				t.Errorf("%s: %s", test.name, text)
			}
			if text := get("/readyz"); !strings.Contains(text, test.ready) {
				t.Errorf("%s: %s", test.name, text)
			}
			page := get("/")
			for rest, i := page, 0; i < len(test.page); i++ {
				_, after, found := strings.Cut(rest, test.page[i])
				if rest = after; !found {
					t.Errorf("%s: the page has no %q at its place", test.name, test.page[i])
				}
			}
			var status Status
			if err := json.Unmarshal([]byte(get("/status")), &status); err != nil || (status.Fleet.VerdictAge == nil) != test.fleet.Asks || status.Fleet.Answers == test.fleet.Away {
				t.Errorf("%s: %v, %+v", test.name, err, status.Fleet)
			}
			if age := status.Fleet.VerdictAge; age != nil && *age != int64(test.age/time.Second) {
				t.Errorf("%s: %d s old", test.name, *age)
			}
		})
	}
}
