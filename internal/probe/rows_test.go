package probe

import (
	"context"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

const sharedDSN = "postgresql://postgres.ejiddanxtqcleyswqvkc:pass-word-1@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require"

// TestRows plays every row of docs/states.md#reasons that a peer can cause, from
// words on the wire to the time of the next attempt.
func TestRows(t *testing.T) {
	refusal := func(state, message string) poolersim.Script {
		return poolersim.Script{OnStartup: poolersim.Refusal{SQLState: state, Message: message}}
	}
	rows := map[string]struct {
		raw        string // default: a pooler of one's own
		script     poolersim.Script
		refused    bool // the connect itself
		state      machine.State
		reason     machine.Reason
		trigger    machine.Trigger
		step       machine.Step
		from, till time.Duration // of the next attempt
	}{
		"ok": {state: machine.Ready, reason: machine.ReasonOK, from: 30 * time.Second, till: 30 * time.Second},
		"circuit breaker": {script: poolersim.Script{OnStartup: poolersim.CircuitBreaker},
			state: machine.Lockout, reason: machine.ReasonLockout, trigger: machine.TriggerCircuitBreaker,
			step: machine.StepStartup, from: 15 * time.Minute, till: 20 * time.Minute},
		"query wait": {script: poolersim.Script{OnQuery: poolersim.QueryWaitTimeout},
			state: machine.Retrying, reason: machine.ReasonLockout, trigger: machine.TriggerQueryWaitTimeout,
			step: machine.StepQuery, from: 17 * time.Second, till: 17 * time.Second},
		"first echo": {script: poolersim.Script{OnQuery: poolersim.CachedError(`password authentication failed for user "app"`)},
			state: machine.Retrying, reason: machine.ReasonLockout, trigger: machine.TriggerServerLoginRetry,
			step: machine.StepQuery, from: 17 * time.Second, till: 17 * time.Second},
		"cached restart": {script: poolersim.Script{OnQuery: poolersim.CachedError("the database system is shutting down")},
			state: machine.Retrying, reason: machine.ReasonUnavailable, step: machine.StepQuery,
			from: 1600 * time.Millisecond, till: 2400 * time.Millisecond},
		"wrong password": {script: poolersim.Script{Auth: poolersim.SCRAM, Password: "another"},
			state: machine.Rejected, reason: machine.ReasonAuthFailed, step: machine.StepStartup,
			from: 15 * time.Minute, till: 30 * time.Minute},
		"wrong password, shared": {raw: sharedDSN, script: poolersim.Script{Auth: poolersim.SCRAM, Password: "another"},
			state: machine.Rejected, reason: machine.ReasonAuthFailed, step: machine.StepStartup,
			from: 15 * time.Second, till: 15 * time.Second},
		"tenant": {raw: sharedDSN, script: poolersim.Script{OnStartup: poolersim.TenantNotFound("x.y")},
			state: machine.Rejected, reason: machine.ReasonTenantNotFound, step: machine.StepStartup,
			from: time.Minute, till: time.Minute},
		"database": {script: refusal("3D000", `database "appdb" does not exist`),
			state: machine.Rejected, reason: machine.ReasonConfigRejected, step: machine.StepStartup,
			from: time.Minute, till: time.Minute},
		"saturated": {script: refusal("53300", "sorry, too many clients already"),
			state: machine.Retrying, reason: machine.ReasonSaturated, step: machine.StepStartup,
			from: 1600 * time.Millisecond, till: 2400 * time.Millisecond},
		"unavailable": {script: refusal("57P03", "the database system is starting up"),
			state: machine.Retrying, reason: machine.ReasonUnavailable, step: machine.StepStartup,
			from: 1600 * time.Millisecond, till: 2400 * time.Millisecond},
		"tenant breaker": {raw: sharedDSN, script: refusal("XX000", "Circuit breaker open: Failed to retrieve database credentials"),
			state: machine.Retrying, reason: machine.ReasonUnavailable, step: machine.StepStartup,
			from: time.Minute, till: time.Minute},
		"network": {refused: true,
			state: machine.Retrying, reason: machine.ReasonNetwork, step: machine.StepDial,
			from: 1600 * time.Millisecond, till: 2400 * time.Millisecond},
		"closed": {script: poolersim.Script{OnStartup: poolersim.Drop},
			state: machine.Retrying, reason: machine.ReasonNetwork, step: machine.StepStartup,
			from: 1600 * time.Millisecond, till: 2400 * time.Millisecond},
		"timeout": {script: poolersim.Script{OnQuery: poolersim.Hang},
			state: machine.Retrying, reason: machine.ReasonTimeout, step: machine.StepQuery,
			from: 1600 * time.Millisecond, till: 2400 * time.Millisecond},
		"tls": {raw: ownPooler, script: poolersim.Script{},
			state: machine.Retrying, reason: machine.ReasonTLS, step: machine.StepTLS,
			from: 1600 * time.Millisecond, till: 2400 * time.Millisecond},
		"unknown": {script: refusal("XX000", "something new"),
			state: machine.Retrying, reason: machine.ReasonUnknown, step: machine.StepStartup,
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
				for s.State == machine.Starting { // until the first probe is over
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
