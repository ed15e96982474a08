package classify

import "dragonfly.internal/sidecar/internal/supervisor/machine"

// verdict is what one row of the tables says.
type verdict struct {
	reason  machine.Reason
	trigger machine.Trigger // with a lockout only
	detail  machine.Detail
	slow    bool   // the next try waits the longest retry
	cause   string // what PgBouncer remembers; never set in a table
}

// The verdicts that the tables name.
var (
	authFailed     = verdict{reason: machine.ReasonAuthFailed}
	tenantNotFound = verdict{reason: machine.ReasonTenantNotFound}
	configRejected = verdict{reason: machine.ReasonConfigRejected}
	saturated      = verdict{reason: machine.ReasonSaturated}
	unavailable    = verdict{reason: machine.ReasonUnavailable}
	slowBreaker    = verdict{reason: machine.ReasonUnavailable, slow: true}
	networkFault   = verdict{reason: machine.ReasonNetwork}
	timedOut       = verdict{reason: machine.ReasonTimeout}
	tlsFault       = verdict{reason: machine.ReasonTLS}
	unknownWords   = verdict{reason: machine.ReasonUnknown}

	loginRetry     = verdict{reason: machine.ReasonLockout, trigger: machine.TriggerServerLoginRetry}
	queryWait      = verdict{reason: machine.ReasonLockout, trigger: machine.TriggerQueryWaitTimeout}
	circuitBreaker = verdict{reason: machine.ReasonLockout, trigger: machine.TriggerCircuitBreaker}

	// The same reasons with more to say.
	authRule      = verdict{reason: machine.ReasonConfigRejected, detail: machine.DetailAuthRule}
	noDatabase    = verdict{reason: machine.ReasonConfigRejected, detail: machine.DetailNoDatabase}
	noParameter   = verdict{reason: machine.ReasonConfigRejected, detail: machine.DetailStartupParameter}
	poolersLogin  = verdict{reason: machine.ReasonConfigRejected, detail: machine.DetailPoolerLogin}
	tenantBanned  = verdict{reason: machine.ReasonConfigRejected, detail: machine.DetailTenantBanned}
	notPostgreSQL = verdict{reason: machine.ReasonConfigRejected, detail: machine.DetailNotPostgreSQL}
	poolerConfig  = verdict{reason: machine.ReasonUnavailable, detail: machine.DetailPoolerConfig}
	tlsRefused    = verdict{reason: machine.ReasonTLS, detail: machine.DetailTLSRefused}
	tlsRequired   = verdict{reason: machine.ReasonTLS, detail: machine.DetailTLSRequired}
)
