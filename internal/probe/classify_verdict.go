package probe

import "dragonfly.internal/sidecar/internal/supervisor"

// verdict is what one row of the tables says.
type verdict struct {
	reason  supervisor.Reason
	trigger supervisor.Trigger // with a lockout only
	slow    bool               // the next try waits the longest retry
	cause   string             // what PgBouncer remembers; never set in a table
}

// The verdicts that the tables name.
var (
	authFailed     = verdict{reason: supervisor.ReasonAuthFailed}
	tenantNotFound = verdict{reason: supervisor.ReasonTenantNotFound}
	configRejected = verdict{reason: supervisor.ReasonConfigRejected}
	saturated      = verdict{reason: supervisor.ReasonSaturated}
	unavailable    = verdict{reason: supervisor.ReasonUnavailable}
	slowBreaker    = verdict{reason: supervisor.ReasonUnavailable, slow: true}
	networkFault   = verdict{reason: supervisor.ReasonNetwork}
	timedOut       = verdict{reason: supervisor.ReasonTimeout}
	tlsFault       = verdict{reason: supervisor.ReasonTLS}
	unknownWords   = verdict{reason: supervisor.ReasonUnknown}

	loginRetry     = verdict{reason: supervisor.ReasonLockout, trigger: supervisor.TriggerServerLoginRetry}
	queryWait      = verdict{reason: supervisor.ReasonLockout, trigger: supervisor.TriggerQueryWaitTimeout}
	circuitBreaker = verdict{reason: supervisor.ReasonLockout, trigger: supervisor.TriggerCircuitBreaker}
)
