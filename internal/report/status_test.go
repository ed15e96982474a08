package report

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/health"
)

// statuses are a sidecar in a few of its states, as /status tells them.
func statuses() map[string]health.Status {
	soon := at.Add(873 * time.Second)
	ready := health.Status{
		Ready: true, State: "ready", Reason: "ok", Since: at.Add(-26 * time.Hour), Advice: "The database answers: nothing to do.",
		DSN:         health.StatusDSN{PoolerMode: dsn.ModeShared, Host: "aws-0-us-east-1.pooler.supabase.com", Port: 6543},
		Guard:       health.StatusGuard{Env: dsn.Prod, OK: true},
		Waiver:      health.StatusWaiver{Status: dsn.WaiverNone},
		LastAttempt: &health.LastAttempt{At: at, Reason: "ok"},
		Store:       health.Store{Kind: "file", Healthy: true},
	}
	lockout := ready
	lockout.Ready, lockout.State, lockout.Reason, lockout.Trigger = false, "lockout", "lockout", "server_login_retry"
	lockout.Since, lockout.RetryAt, lockout.RetryInSeconds, lockout.WindowsInRow = at.Add(-130*time.Second), &soon, 873, 2
	lockout.Cause = `password authentication failed for user "postgres"`
	lockout.Advice = "Wait until 15:18:38 UTC. Do NOT restart services: every restart is another login."
	lockout.LastAttempt = &health.LastAttempt{At: at.Add(-130 * time.Second), Reason: "lockout", Step: "query", Message: "server login has been failing"}
	lockout.Store = health.Store{Kind: "file"}
	waived := ready
	waived.Guard.OK = false
	waived.Guard.Findings = []dsn.Finding{{Code: dsn.WaiverExpired, Severity: dsn.Error, Message: "the waiver has ended.", Hint: "Renew it."}}
	waived.Waiver = health.StatusWaiver{Status: dsn.WaiverOver, Expires: &at, Reason: "tenant not found"}
	waived.Advice = "The database answers, but DATABASE_URL is no longer allowed."
	pending := ready
	pending.Guard.Pending = []dsn.Finding{{Code: dsn.PasswordNeedsEncoding, Severity: dsn.Error, Message: "the password has a character that readers take apart.", Hint: "sidecar dsn encode"}}
	pending.Runbook = "docs/runbook.md#invalid_dsn"
	expiring := ready
	expiring.Waiver = health.StatusWaiver{Status: dsn.WaiverExpiring, Expires: &soon, Reason: "tenant not found"}
	none := health.Status{
		State: "misconfigured", Reason: "no_config", Since: at, Advice: "DATABASE_URL is not set.",
		Waiver: health.StatusWaiver{Status: dsn.WaiverNone}, Store: health.Store{Kind: "memory", Healthy: true},
	}
	follower, old := ready, int64(23)
	follower.Store = health.Store{Kind: "redis", Healthy: true}
	follower.Fleet = &health.StatusFleet{Role: "follower", Members: 3, Leader: "5eed0001", HeardAt: &at, VerdictAge: new(int64), Answers: true}
	unheard := follower
	unheard.Store.Healthy = false
	unheard.Fleet = &health.StatusFleet{Role: "follower", Members: 3, Leader: "5eed0001", HeardAt: &at, VerdictAge: &old}
	return map[string]health.Status{"follower": follower, "unheard": unheard, "ready": ready, "lockout": lockout, "waived": waived, "pending": pending, "expiring": expiring, "none": none}
}

// TestStatusText: the exact words of a status.
func TestStatusText(t *testing.T) {
	for name, status := range statuses() {
		golden(t, "testdata/status/"+name+".txt", StatusText(status, at))
	}
}

// TestChanges: the mere time changes nothing; what is new, other or gone does.
func TestChanges(t *testing.T) {
	all := statuses()
	ready, lockout := StatusRows(all["ready"]), all["lockout"]
	later := lockout
	later.RetryInSeconds -= 2
	if changed := Changes(StatusRows(lockout), StatusRows(later)); len(changed) > 0 {
		t.Errorf("two seconds later: %v", changed)
	}
	if changed := Changes(nil, ready); !slices.Equal(changed, ready) {
		t.Errorf("at first: %v", changed)
	}
	var names []string
	for _, row := range Changes(StatusRows(lockout), ready) {
		names = append(names, row.Name)
		if gone := slices.Contains([]string{"Until", "Trigger", "In a row", "Last error", "Cause"}, row.Name); gone != (row.Value == "-") {
			t.Errorf("%+v", row)
		}
	}
	if want := []string{"State", "Advice", "Store", "Until", "Trigger", "In a row", "Last error", "Cause"}; !slices.Equal(names, want) {
		t.Errorf("from lockout to ready: %q", names)
	}
}

// TestWrap: no line is longer than asked for, unless a word is, and no word is lost.
func TestWrap(t *testing.T) {
	text := "one " + strings.Repeat("x", 30) + " two three four five six"
	got := wrap(text, 12)
	if want := "  one\n  " + strings.Repeat("x", 30) + "\n  two three\n  four five\n  six\n"; got != want {
		t.Errorf("%q", got)
	}
}
