package machine

// State is where the supervisor stands. The zero value is no state.
type State string

// The states. A window is [Lockout]: nobody connects until it ends. A hold is
// [Rejected]: what was refused is not repeated, and a changed credential ends it.
const (
	Starting      State = "starting"      // no verdict yet
	Ready         State = "ready"         // the last query was answered
	Retrying      State = "retrying"      // down for a reason that passes by itself
	Lockout       State = "lockout"       // a window: no connection attempt until it ends
	Rejected      State = "rejected"      // a hold: the pooler refused what we sent
	Misconfigured State = "misconfigured" // we refused to send it; nothing is dialled
	Stopping      State = "stopping"      // the process is ending
)

// States lists every state, in the order of the documentation.
var States = []State{Starting, Ready, Retrying, Lockout, Rejected, Misconfigured, Stopping}

// Reason is why the supervisor is in its state: a closed set. The zero value
// stands for a probe that was broken off and says nothing.
type Reason string

// The reasons. What each leads to stands in [Rules].
const (
	ReasonStarting       Reason = "starting"
	ReasonStoreLost      Reason = "store_lost"
	ReasonOK             Reason = "ok"
	ReasonLockout        Reason = "lockout"
	ReasonAuthFailed     Reason = "auth_failed"
	ReasonTenantNotFound Reason = "tenant_not_found"
	ReasonConfigRejected Reason = "config_rejected"
	ReasonSaturated      Reason = "saturated"
	ReasonUnavailable    Reason = "unavailable"
	ReasonNetwork        Reason = "network"
	ReasonTimeout        Reason = "timeout"
	ReasonTLS            Reason = "tls"
	ReasonUnknown        Reason = "unknown"
	ReasonNoConfig       Reason = "no_config"
	ReasonInvalidDSN     Reason = "invalid_dsn"
	ReasonGuard          Reason = "guard"
	ReasonWaiverExpired  Reason = "waiver_expired"
)

// Trigger says what made a lockout: a closed set, empty for every other reason.
type Trigger string

// The triggers of a lockout; the seed names the first two (docs/seed.md#lockout-triggers).
const (
	TriggerServerLoginRetry Trigger = "server_login_retry" // PgBouncer remembers a failed server login
	TriggerQueryWaitTimeout Trigger = "query_wait_timeout" // PgBouncer had no server for a query in time
	TriggerCircuitBreaker   Trigger = "circuit_breaker"    // Supavisor counted too many failed logins
	TriggerNetworkBan       Trigger = "network_ban"        // a db.* host refuses our address after wrong passwords
)

// Triggers lists every trigger.
var Triggers = []Trigger{TriggerServerLoginRetry, TriggerQueryWaitTimeout, TriggerCircuitBreaker, TriggerNetworkBan}

// Step is how far a probe came before it ended.
type Step string

// The steps of one probe, in their order. StepDial includes the name look-up.
const (
	StepDial    Step = "dial"
	StepTLS     Step = "tls"
	StepStartup Step = "startup"
	StepQuery   Step = "query"
)
