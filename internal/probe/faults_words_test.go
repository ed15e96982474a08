package probe

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/classify/refusals"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// sim is the simulated pooler as a [peer]; every startup message counts as a login.
type sim struct{ *poolersim.Server }

func (s sim) Sockets() int      { return s.Counts().Sockets }
func (s sim) Logins(string) int { return s.Counts().Startups }

// TestFaultWordsOfEveryPooler: what Debian's PgBouncer 1.18 cannot say, and
// other poolers at all, is played by the simulated pooler with the words of
// refusals.json, which it repeats at every login.
func TestFaultWordsOfEveryPooler(t *testing.T) {
	t.Parallel()
	for _, row := range refusals.All() {
		if row.SQLState == "" {
			continue
		}
		t.Run(row.Source+", "+row.When, func(t *testing.T) {
			t.Parallel()
			server := new(poolersim.Server)
			defer server.Close()
			server.Set(scriptOf(t, row))
			a := ask(t, sim{server}, dsnOf(row), Options{Dial: server.Dial, Lookup: addresses("10.0.0.1")})
			want := finding{
				reason: row.Reason, trigger: row.Trigger(), step: machine.StepStartup,
				sqlstate: row.SQLState, message: row.Message,
			}
			if row.Phase == "query" {
				want.step = machine.StepQuery
			}
			after := follows(row)
			for _, then := range after {
				want.state, want.next = then.state, then.next
				a.finds(want)
			}
			a.cost(len(after), len(after))
		})
	}
}

// ofSupavisor tells on which kind of host the row is met.
func ofSupavisor(r refusals.Row) bool {
	return strings.HasPrefix(r.Source, "supavisor") || strings.HasPrefix(r.When, "fake server")
}

func dsnOf(r refusals.Row) string {
	if ofSupavisor(r) {
		return sharedDSN
	}
	raw := strings.Replace(localDSN, appUser, cmp.Or(r.User(), appUser), 1)
	return strings.Replace(raw, appPassword, "7f-3k-9q", 1) // no piece of which stands in any row
}

// script says the row's words where they come, without V as Supavisor does.
func scriptOf(t *testing.T, r refusals.Row) poolersim.Script {
	t.Helper()
	words := poolersim.Refusal{Severity: r.Severity, SQLState: r.SQLState, Message: r.Message, OmitV: ofSupavisor(r)}
	var script poolersim.Script
	if ofSupavisor(r) {
		script.TLS = serverTLS(t)
	}
	if r.Phase == "query" {
		script.OnQuery = words
	} else {
		script.OnStartup = words
	}
	return script
}

// consequence is the state after an answer, and how long it lasts.
type consequence struct {
	state machine.State
	next  time.Duration
}

// follows is what the row leads to, answer by answer (docs/states.md#reasons).
func follows(r refusals.Row) []consequence {
	window := consequence{machine.Lockout, 17*time.Minute + 30*time.Second}
	switch {
	case r.Trigger() == machine.TriggerCircuitBreaker:
		return []consequence{window, window}
	case r.Trigger() == machine.TriggerQueryWaitTimeout, strings.Contains(r.Message, "cached error: password authentication failed"):
		return looks(window, 17, 3)
	case r.Reason == machine.ReasonLockout: // no cause, as a restart reads
		return looks(window, 17, 3, 13, 3, 13, 3, 13)
	}
	steps := map[machine.Reason][]consequence{
		machine.ReasonAuthFailed:     {{machine.Rejected, 22*time.Minute + 30*time.Second}},
		machine.ReasonTenantNotFound: {{machine.Rejected, time.Minute}, {machine.Rejected, 2 * time.Minute}},
		machine.ReasonConfigRejected: {{machine.Rejected, time.Minute}, {machine.Rejected, 2 * time.Minute}},
		machine.ReasonUnknown:        {{machine.Retrying, time.Minute}, {machine.Retrying, 2 * time.Minute}},
	}[r.Reason]
	switch {
	case r.Reason == machine.ReasonAuthFailed && ofSupavisor(r):
		return append([]consequence{{machine.Rejected, 15 * time.Second}, {machine.Rejected, 45 * time.Second}}, steps...)
	case steps != nil:
		return steps
	case strings.HasPrefix(r.Message, "(ECIRCUITBREAKER)"), strings.HasPrefix(r.Message, "Circuit breaker open"):
		return []consequence{{machine.Retrying, time.Minute}, {machine.Retrying, time.Minute}} // a breaker that the database fed
	}
	return []consequence{{machine.Retrying, 2 * time.Second}, {machine.Retrying, 4 * time.Second}}
}

// looks are the seconds between the looks at an answer that has to last, the
// window after them, and the first look of the trial: its answer has to last too.
func looks(window consequence, seconds ...time.Duration) []consequence {
	var after []consequence
	for _, s := range seconds {
		after = append(after, consequence{machine.Retrying, s * time.Second})
	}
	return append(after, window, after[0])
}
