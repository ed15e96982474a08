package classify

import (
	"strings"
	"testing"

	"dragonfly.internal/sidecar/internal/classify/refusals"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// memory is the whole message.
func memory(cause string) string { return memoryBegin + causeBegin + " " + cause + " " + memoryEnd }

// remembered is a message as PgBouncer would send it: 99 bytes of cause, and
// 127 of the whole.
func remembered(cause string) string {
	text := memory(cause[:min(len(cause), longestCause)])
	return text[:min(len(text), 127)]
}

func TestClassifyRememberedCause(t *testing.T) {
	long := strings.Repeat("n", 63) // PostgreSQL's longest name
	const (
		lockout     = machine.ReasonLockout
		rejected    = machine.ReasonConfigRejected
		unavailable = machine.ReasonUnavailable
	)
	for _, row := range []struct {
		cause string
		want  machine.Reason
		kept  bool // the cause is
	}{
		{`password authentication failed for user "app"`, lockout, true},
		{`password authentication failed for user "` + long + `"`, lockout, true},
		{`role "` + long + `" does not exist`, lockout, true},
		{`role "` + long + `" is not permitted to log in`, lockout, true},
		{`SASL authentication failed`, lockout, true},
		{`database "` + long + `" does not exist`, rejected, true},
		{`database "` + long + `" is not currently accepting connections`, unavailable, true},
		{`no pg_hba.conf entry for host "10.0.0.1", user "` + long + `", database "appdb", no encryption`, rejected, true},
		{`permission denied for database "` + long + `"`, rejected, true},
		{`remaining connection slots are reserved for non-replication superuser connections`, machine.ReasonSaturated, true},
		{`sorry, too many clients already`, machine.ReasonSaturated, true},
		{`connect failed`, unavailable, true},
		{`connect timeout`, unavailable, true},
		{`server conn crashed?`, unavailable, true},
		{`the database system is starting up`, unavailable, true},
		{`failed to answer authreq`, rejected, true},
		{`(ECIRCUITBREAKER) too many authentication failures, new connections are temporarily blocked`, lockout, true},
		{`Wrong password`, lockout, true},
		{`password authentication failed for user 'app'`, lockout, true},
		{`FATAL: password authentication failed for user "app"`, lockout, true},
		{`Password Authentication Failed for user "app"`, lockout, true},
		{`odyssey: c1a2b3: password authentication failed for user "app"`, lockout, true},
		{`server login failed: wrong password type`, rejected, true},
		{`(ENOTFOUND) tenant/user postgres.x not found`, machine.ReasonTenantNotFound, true},
		{`SSL connection is required`, machine.ReasonTLS, true},
		{`kein pg_hba.conf-Eintrag für Host »10.0.0.1«, Benutzer »app«`, rejected, true},

		// In words we do not know, or too little of them.
		{`query_wait_timeout`, unavailable, true}, // the pool behind the pooler was full
		{`das Datenbanksystem fährt herunter`, unavailable, true},
		{`lozinka je odbijena za korisnika "app"`, unavailable, true},
		{`could not write to file "base/pgsql_tmp": No space left on device`, unavailable, true},
		{`could not access file "supautils": No such file or directory`, unavailable, true},
		{`cannot connect to invalid database "app"`, rejected, true},
		{`TLS startup failed`, unavailable, true},
		{`Couldn't connect to compute node`, unavailable, true},
		{`database "` + strings.Repeat("n", 90) + `" does not exist`, unavailable, true},
		{`das pg_hba.conf von »pg_hba.conf` + strings.Repeat("n", 90), rejected, true},
		{`Rolle »pg_hba.conf` + strings.Repeat("n", 90), unavailable, true},

		// No cause: it counts when it has outlasted PgBouncer's memory.
		{``, lockout, false},
		{`CAUSE`, lockout, false}, // the place of one
		{`server login has been failing, try again later (server_login_retry)`, lockout, false},
	} {
		text := remembered(row.cause)
		o := Classify(said("08P01", text))
		if o.Reason != row.want || (o.Cause != "") != row.kept || !strings.HasPrefix(row.cause, o.Cause) {
			t.Errorf("%q (%d bytes): %q with cause %q, want %q, cause kept %t", text, len(text), o.Reason, o.Cause, row.want, row.kept)
		}
		if o.Message != strings.TrimSpace(text) {
			t.Errorf("message %q, want %q", o.Message, text)
		}
	}
}

func TestClassifyTriggers(t *testing.T) {
	for text, want := range map[string]machine.Trigger{
		`server login has been failing, try again later (server_login_retry)`: machine.TriggerServerLoginRetry,
		`server login has been failing, cached error: (server_login_retry)`:   machine.TriggerServerLoginRetry,
		`pgbouncer cannot connect to server`:                                  machine.TriggerServerLoginRetry,
		`query_wait_timeout`:                                                  machine.TriggerQueryWaitTimeout,
		`server_login_retry`:                                                  machine.TriggerServerLoginRetry,
		`server_login_retry exceeded`:                                         machine.TriggerServerLoginRetry,
		`server login has been failing`:                                       machine.TriggerServerLoginRetry,
		`Circuit breaker open: Too many authentication errors`:                machine.TriggerCircuitBreaker,
		remembered(`(ECIRCUITBREAKER) too many authentication failures, new`): machine.TriggerCircuitBreaker,
	} {
		if o := Classify(said("08P01", text)); o.Reason != machine.ReasonLockout || o.Trigger != want {
			t.Errorf("%q: %q %q, want %q", text, o.Reason, o.Trigger, want)
		}
	}
}

// The memory may be cut anywhere: whatever is left of the suffix is no cause.
func TestCachedErrorWithoutItsEnd(t *testing.T) {
	for n := range len(memoryEnd) {
		cause, cut := cutMemoryEnd(" connect failed " + memoryEnd[:n])
		if cause != "connect failed" || cut != (n < len("(server_")) {
			t.Errorf("%q left: %q, cut %t", memoryEnd[:n], cause, cut)
		}
	}
}

// A text that nests forever ends at the bound.
func TestClassifyNestedMemory(t *testing.T) {
	o := Classify(said("08P01", strings.Repeat(memoryBegin+causeBegin+" ", 1<<16)))
	if o.Reason != machine.ReasonUnavailable || len(o.Cause) > longestText {
		t.Errorf("%q, cause %q", o.Reason, o.Cause)
	}
}

func TestSlowBreakers(t *testing.T) {
	for _, row := range refusals.All() {
		breaker := strings.HasPrefix(row.Message, "(ECIRCUITBREAKER)") || strings.HasPrefix(row.Message, "Circuit breaker open")
		if o := Classify(failureOrSkip(row)); o.Slow != (breaker && o.Trigger == "") {
			t.Errorf("%q: slow %t", row.Message, o.Slow)
		}
	}
}

// failureOrSkip is the row's error response, or nothing for the others.
func failureOrSkip(r refusals.Row) Failure {
	if r.SQLState == "" {
		return Failure{}
	}
	return said(r.SQLState, r.Message)
}
