package health

import (
	"strings"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// scene is one thing that the page can show.
type scene struct {
	name     string
	snapshot *supervisor.Snapshot
	dsn      string
	rules    dsn.Rules
}

const (
	prodDSN  = "postgresql://postgres.iaketsyhmqbwaabgykux:pass-word-1@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require"
	waived   = "postgresql://postgres:pass-word-1@db.iaketsyhmqbwaabgykux.supabase.co:5432/postgres?sslmode=require"
	rawDSN   = "postgresql://postgres.iaketsyhmqbwaabgykux:pa#ss@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require"
	hostile  = `</bdi></blockquote><script>document.title="hacked"</script><img src=x onerror="document.title='hacked'"> ` + "\u202Etxet\u202C \x00\x1b[31m & \xff "
	cachedBy = `server login has been failing, cached error: password authentication failed for user "postgres" (server_login_retry)`
)

// sinceMorning is a snapshot with a day behind it: ready but for two faults and a window.
func sinceMorning(now time.Time, status machine.Status) *supervisor.Snapshot {
	s := &supervisor.Snapshot{Status: status, Target: machine.Target{Key: "9f2c01ab", Shared: true}}
	s.Logins = map[machine.Reason]uint64{machine.ReasonOK: 2731, machine.ReasonLockout: 2, machine.ReasonUnavailable: 9}
	s.LastSuccess = now.Add(-8 * time.Minute)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	change := func(d time.Duration, from, to machine.State, reason machine.Reason, trigger machine.Trigger) {
		s.History = append(s.History, machine.Entry{At: ago(d), From: from, To: to, Reason: reason, Trigger: trigger})
	}
	change(21*time.Hour, machine.Starting, machine.Ready, machine.ReasonOK, "")
	change(15*time.Hour, machine.Ready, machine.Retrying, machine.ReasonUnavailable, "")
	change(14*time.Hour+25*time.Minute, machine.Retrying, machine.Ready, machine.ReasonOK, "")
	change(6*time.Hour, machine.Ready, machine.Lockout, machine.ReasonLockout, machine.TriggerCircuitBreaker)
	change(5*time.Hour+42*time.Minute, machine.Lockout, machine.Ready, machine.ReasonOK, "")
	state := machine.Starting
	for at := ago(21 * time.Hour); at.Before(now); at = at.Add(30 * time.Second) {
		for _, entry := range s.History {
			if !entry.At.After(at) {
				state = entry.To
			}
		}
		if state == machine.Ready && at.Before(s.LastSuccess) {
			s.Recent = append(s.Recent, supervisor.Login{At: at})
		}
		if state == machine.Retrying && at.Second()%60 < 30 {
			s.Recent = append(s.Recent, supervisor.Login{At: at, Failed: true})
		}
	}
	if status.State != machine.Ready {
		s.Recent = append(s.Recent, supervisor.Login{At: ago(7*time.Minute + 20*time.Second), Failed: true}, supervisor.Login{At: ago(7 * time.Minute), Failed: true})
		change(7*time.Minute, machine.Ready, status.State, status.Reason, status.Trigger)
	} else {
		s.LastSuccess = now.Add(-12 * time.Second)
	}
	s.Since = s.History[len(s.History)-1].At
	return s
}

// scenes are all that the page has to show, at that time.
func scenes(now time.Time) []scene {
	attempt := func(s *supervisor.Snapshot, reason machine.Reason, step machine.Step, sqlstate, message string) *supervisor.Snapshot {
		s.Attempt = machine.Attempt{At: now.Add(-7 * time.Minute), Outcome: machine.Outcome{Reason: reason, Step: step, SQLState: sqlstate, Message: message, Latency: 45 * time.Millisecond}}
		return s
	}
	prod := dsn.Rules{Env: dsn.Prod}
	down := func(state machine.State, reason machine.Reason, next time.Duration) machine.Status {
		return machine.Status{State: state, Reason: reason, Next: now.Add(next), Failures: 3}
	}
	window := machine.Status{State: machine.Lockout, Reason: machine.ReasonLockout, Trigger: machine.TriggerServerLoginRetry,
		Cause: `password authentication failed for user "postgres"`, Next: now.Add(10*time.Minute + 27*time.Second), WindowsInRow: 1}
	again := window
	again.WindowsInRow = 2
	pending := attempt(sinceMorning(now, down(machine.Rejected, machine.ReasonAuthFailed, 22*time.Minute)), machine.ReasonAuthFailed, machine.StepStartup, "28P01", `password authentication failed for user "postgres"`)
	pending.Pending = dsn.Judge(rawDSN, prod, now).Findings
	member := func(status machine.Status, fleet supervisor.FleetStatus) *supervisor.Snapshot {
		s := sinceMorning(now, status)
		s.Fleet, s.Unstored = &fleet, fleet.Away
		return s
	}
	all := []scene{
		{"ready", sinceMorning(now, machine.Status{State: machine.Ready, Reason: machine.ReasonOK, Next: now.Add(20 * time.Second)}), prodDSN, prod},
		{"lockout", attempt(sinceMorning(now, window), machine.ReasonLockout, machine.StepQuery, "08P01", cachedBy), prodDSN, prod},
		{"lockout-again", attempt(sinceMorning(now, again), machine.ReasonLockout, machine.StepQuery, "08P01", cachedBy), prodDSN, prod},
		{"looking-again", attempt(sinceMorning(now, machine.Status{State: machine.Retrying, Reason: machine.ReasonLockout, Trigger: machine.TriggerServerLoginRetry, Next: now.Add(12 * time.Second), Failures: 1}), machine.ReasonLockout, machine.StepQuery, "08P01", "server login has been failing, try again later (server_login_retry)"), prodDSN, prod},
		{"retrying", attempt(sinceMorning(now, down(machine.Retrying, machine.ReasonUnavailable, 41*time.Second)), machine.ReasonUnavailable, machine.StepDial, "", "dial tcp 10.0.0.7:6543: connect: connection refused"), prodDSN, prod},
		{"rejected", attempt(sinceMorning(now, down(machine.Rejected, machine.ReasonAuthFailed, 22*time.Minute)), machine.ReasonAuthFailed, machine.StepStartup, "28P01", `password authentication failed for user "postgres"`), prodDSN, prod},
		{"misconfigured", &supervisor.Snapshot{Status: machine.Status{State: machine.Misconfigured, Reason: machine.ReasonInvalidDSN, Since: now.Add(-3 * time.Minute)}}, rawDSN, prod},
		{"no-config", &supervisor.Snapshot{Status: machine.Status{State: machine.Misconfigured, Reason: machine.ReasonNoConfig, Since: now.Add(-3 * time.Minute)}}, "", prod},
		{"starting", &supervisor.Snapshot{Status: machine.Status{State: machine.Starting, Reason: machine.ReasonStarting, Since: now.Add(-2 * time.Second)}}, prodDSN, prod},
		{"waiver", sinceMorning(now, machine.Status{State: machine.Ready, Reason: machine.ReasonOK}), waived,
			dsn.Rules{Env: dsn.Prod, DirectWaiver: true, WaiverExpires: now.AddDate(0, 0, 5).UTC().Format(time.RFC3339), WaiverReason: "the pooler does not know the tenant"}},
		{"stopping", func() *supervisor.Snapshot {
			s := sinceMorning(now, machine.Status{State: machine.Ready, Reason: machine.ReasonOK})
			s.Stopping = true
			return s
		}(), prodDSN, prod},
		{"hostile", attempt(sinceMorning(now, down(machine.Retrying, machine.ReasonUnknown, 5*time.Minute)), machine.ReasonUnknown, machine.StepStartup, "XX000", hostile+strings.Repeat("x", 400)), prodDSN, prod},
		{"pending", pending, prodDSN, prod},
		{"follower", member(machine.Status{State: machine.Ready, Reason: machine.ReasonOK}, supervisor.FleetStatus{Members: 3, Leader: "5eed0001", Heard: now.Add(-time.Second)}), prodDSN, prod},
		{"follower-unheard", member(machine.Status{State: machine.Retrying, Reason: machine.ReasonUnknown}, supervisor.FleetStatus{Heard: now.Add(-75 * time.Second), Away: true}), prodDSN, prod},
		{"leader-alone", member(machine.Status{State: machine.Ready, Reason: machine.ReasonOK}, supervisor.FleetStatus{Members: 3, Leader: "c0ffee12", Leads: true, Asks: true, Heard: now.Add(-20 * time.Second), Away: true}), prodDSN, prod},
	}
	for _, s := range all {
		s.snapshot.Judge = func(now time.Time) dsn.Report { return dsn.Judge(s.dsn, s.rules, now) }
	}
	return all
}

// source is what the handlers read from in a scene.
func (s scene) source(now time.Time) Source {
	started := now.Add(-21*time.Hour - 30*time.Second)
	if len(s.snapshot.History) == 0 {
		started = s.snapshot.Since
	}
	kind := "file"
	if s.snapshot.Fleet != nil {
		kind = "redis"
	}
	return Source{
		Snapshot:  func() *supervisor.Snapshot { return s.snapshot },
		Env:       s.rules.Env,
		StoreKind: kind,
		Instance:  "c0ffee12",
		Build:     Build{"1.2.3", "abc", "go1.26"},
		Started:   started,
	}
}
