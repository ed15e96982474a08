package probe

import (
	"context"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/supervisor"
)

const sharedDSN = "postgresql://postgres.ejiddanxtqcleyswqvkc:pass-word-1@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require"

// TestRows plays every row of contract 4's table that a peer can cause, from
// words on the wire to the time of the next attempt.
func TestRows(t *testing.T) {
	refusal := func(state, message string) poolersim.Script {
		return poolersim.Script{OnStartup: poolersim.Refusal{SQLState: state, Message: message}}
	}
	rows := map[string]struct {
		raw        string // default: a pooler of one's own
		script     poolersim.Script
		refused    bool // the connect itself
		state      supervisor.State
		reason     supervisor.Reason
		trigger    supervisor.Trigger
		step       supervisor.Step
		from, till time.Duration // of the next attempt
	}{
		"ok": {state: supervisor.Ready, reason: supervisor.ReasonOK, from: 30 * time.Second, till: 30 * time.Second},
		"circuit breaker": {script: poolersim.Script{OnStartup: poolersim.CircuitBreaker},
			state: supervisor.Lockout, reason: supervisor.ReasonLockout, trigger: supervisor.TriggerCircuitBreaker,
			step: supervisor.StepStartup, from: 15 * time.Minute, till: 20 * time.Minute},
		"query wait": {script: poolersim.Script{OnQuery: poolersim.Refusal{SQLState: "08P01", Message: "query_wait_timeout"}},
			state: supervisor.Retrying, reason: supervisor.ReasonLockout, trigger: supervisor.TriggerQueryWaitTimeout,
			step: supervisor.StepQuery, from: 3 * time.Second, till: 3 * time.Second},
		"first echo": {script: poolersim.Script{OnQuery: poolersim.CachedError(`password authentication failed for user "app"`)},
			state: supervisor.Retrying, reason: supervisor.ReasonLockout, trigger: supervisor.TriggerServerLoginRetry,
			step: supervisor.StepQuery, from: 3 * time.Second, till: 3 * time.Second},
		"cached restart": {script: poolersim.Script{OnQuery: poolersim.CachedError("the database system is shutting down")},
			state: supervisor.Retrying, reason: supervisor.ReasonUnavailable, step: supervisor.StepQuery,
			from: 1600 * time.Millisecond, till: 2400 * time.Millisecond},
		"wrong password": {script: poolersim.Script{Auth: poolersim.SCRAM, Password: "another"},
			state: supervisor.Rejected, reason: supervisor.ReasonAuthFailed, step: supervisor.StepStartup,
			from: 15 * time.Minute, till: 30 * time.Minute},
		"wrong password, shared": {raw: sharedDSN, script: poolersim.Script{Auth: poolersim.SCRAM, Password: "another"},
			state: supervisor.Rejected, reason: supervisor.ReasonAuthFailed, step: supervisor.StepStartup,
			from: 15 * time.Second, till: 15 * time.Second},
		"tenant": {raw: sharedDSN, script: poolersim.Script{OnStartup: poolersim.TenantNotFound("x.y")},
			state: supervisor.Rejected, reason: supervisor.ReasonTenantNotFound, step: supervisor.StepStartup,
			from: time.Minute, till: time.Minute},
		"database": {script: refusal("3D000", `database "appdb" does not exist`),
			state: supervisor.Rejected, reason: supervisor.ReasonConfigRejected, step: supervisor.StepStartup,
			from: time.Minute, till: time.Minute},
		"saturated": {script: refusal("53300", "sorry, too many clients already"),
			state: supervisor.Retrying, reason: supervisor.ReasonSaturated, step: supervisor.StepStartup,
			from: 1600 * time.Millisecond, till: 2400 * time.Millisecond},
		"unavailable": {script: refusal("57P03", "the database system is starting up"),
			state: supervisor.Retrying, reason: supervisor.ReasonUnavailable, step: supervisor.StepStartup,
			from: 1600 * time.Millisecond, till: 2400 * time.Millisecond},
		"tenant breaker": {raw: sharedDSN, script: refusal("XX000", "Circuit breaker open: Failed to retrieve database credentials"),
			state: supervisor.Retrying, reason: supervisor.ReasonUnavailable, step: supervisor.StepStartup,
			from: time.Minute, till: time.Minute},
		"network": {refused: true,
			state: supervisor.Retrying, reason: supervisor.ReasonNetwork, step: supervisor.StepDial,
			from: 1600 * time.Millisecond, till: 2400 * time.Millisecond},
		"closed": {script: poolersim.Script{OnStartup: poolersim.Drop},
			state: supervisor.Retrying, reason: supervisor.ReasonNetwork, step: supervisor.StepStartup,
			from: 1600 * time.Millisecond, till: 2400 * time.Millisecond},
		"timeout": {script: poolersim.Script{OnQuery: poolersim.Hang},
			state: supervisor.Retrying, reason: supervisor.ReasonTimeout, step: supervisor.StepQuery,
			from: 1600 * time.Millisecond, till: 2400 * time.Millisecond},
		"tls": {raw: ownPooler, script: poolersim.Script{},
			state: supervisor.Retrying, reason: supervisor.ReasonTLS, step: supervisor.StepTLS,
			from: 1600 * time.Millisecond, till: 2400 * time.Millisecond},
		"unknown": {script: refusal("XX000", "something new"),
			state: supervisor.Retrying, reason: supervisor.ReasonUnknown, step: supervisor.StepStartup,
			from: time.Minute, till: time.Minute},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				options := Options{}
				if row.refused {
					options.Dial = func(context.Context, string, string) (net.Conn, error) {
						return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
					}
				}
				if row.raw == sharedDSN {
					row.script.TLS = serverTLS(t)
				}
				if row.raw == "" {
					row.raw = localDSN
				}
				w := watch(t, row.raw, row.script, options)
				s := w.Snapshot()
				for s.State == supervisor.Starting { // until the first probe is over
					s = w.after(time.Millisecond)
				}
				if s.State != row.state || s.Reason != row.reason || s.Trigger != row.trigger || s.Attempt.Step != row.step {
					t.Errorf("state %s, reason %s, trigger %q at %q: %s", s.State, s.Reason, s.Trigger, s.Attempt.Step, s.Attempt.Message)
				}
				settled := s.Attempt.At.Add(s.Attempt.Latency)
				if next := s.Next.Sub(settled); next < row.from || next > row.till {
					t.Errorf("next attempt after %s, want %s to %s", next, row.from, row.till)
				}
				if n := w.pooler.Counts().Sockets; n > 1 {
					t.Errorf("%d sockets for one permit", n)
				}
			})
		})
	}
}
