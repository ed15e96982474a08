package classify

import "dragonfly.internal/sidecar/internal/supervisor/machine"

// verdict is what one row of the tables says.
type verdict struct {
	reason  machine.Reason
	trigger machine.Trigger // with a lockout only
	detail  machine.Detail
	slow    bool   // the next try waits the longest retry
	decides bool   // whatever SQLSTATE the words come under
	cause   string // what PgBouncer remembers; never set in a table
}

// The verdicts that the tables name.
var (
	authFailed     = verdict{reason: machine.ReasonAuthFailed}
	tenantNotFound = verdict{reason: machine.ReasonTenantNotFound}
	configRejected = verdict{reason: machine.ReasonConfigRejected}
	saturated      = verdict{reason: machine.ReasonSaturated}
	unavailable    = verdict{reason: machine.ReasonUnavailable}
	networkFault   = verdict{reason: machine.ReasonNetwork}
	timedOut       = verdict{reason: machine.ReasonTimeout}
	tlsFault       = verdict{reason: machine.ReasonTLS}
	unknownWords   = verdict{reason: machine.ReasonUnknown}

	// The same reasons with more to say.
	noDatabase    = verdict{reason: machine.ReasonConfigRejected, detail: machine.DetailNoDatabase}
	noParameter   = verdict{reason: machine.ReasonConfigRejected, detail: machine.DetailStartupParameter}
	poolersLogin  = verdict{reason: machine.ReasonConfigRejected, detail: machine.DetailPoolerLogin}
	tenantBanned  = verdict{reason: machine.ReasonConfigRejected, detail: machine.DetailTenantBanned}
	notPostgreSQL = verdict{reason: machine.ReasonConfigRejected, detail: machine.DetailNotPostgreSQL}
	poolerConfig  = verdict{reason: machine.ReasonUnavailable, detail: machine.DetailPoolerConfig}
	tlsRefused    = verdict{reason: machine.ReasonTLS, detail: machine.DetailTLSRefused}
	tlsRequired   = verdict{reason: machine.ReasonTLS, detail: machine.DetailTLSRequired}

	// A rule that keeps us out says so in words; Odyssey does under the SQLSTATE
	// of a wrong password.
	authRule = verdict{reason: machine.ReasonConfigRejected, detail: machine.DetailAuthRule, decides: true}

	// A lockout and a breaker are told by their words alone. Retries in seconds,
	// which another SQLSTATE would lead to, keep the door shut.
	loginRetry     = verdict{reason: machine.ReasonLockout, trigger: machine.TriggerServerLoginRetry, decides: true}
	queryWait      = verdict{reason: machine.ReasonLockout, trigger: machine.TriggerQueryWaitTimeout, decides: true}
	circuitBreaker = verdict{reason: machine.ReasonLockout, trigger: machine.TriggerCircuitBreaker, decides: true}
	slowBreaker    = verdict{reason: machine.ReasonUnavailable, slow: true, decides: true}
	newBreaker     = verdict{reason: machine.ReasonUnknown, decides: true} // in words we do not know: it may be a lockout
)
