package classify

// supavisorCodes are the bracketed codes of Supavisor from 2.9 on. A code that is
// not here falls through to the SQLSTATE, mostly to `unknown`: a breaker in new
// words too may be a lockout (docs/facts.md#supavisor-breaker).
var supavisorCodes = []phrase{
	{text: `(ECIRCUITBREAKER) too many authentication failures*`, verdict: circuitBreaker},
	{text: `(ECIRCUITBREAKER) failed to retrieve database credentials*`, verdict: slowBreaker},
	{text: `(ECIRCUITBREAKER) too many failed attempts to connect to the database*`, verdict: slowBreaker},

	{text: `(ENOTFOUND) *`, verdict: tenantNotFound},
	{text: `(ENOIDENTIFIER) *`, verdict: tenantNotFound},
	{text: `(EMULTIPLEUSERS) *`, verdict: tenantNotFound},

	{text: `(EAUTHQUERY) user not found*`, verdict: authFailed},
	{text: `(EWRONGPASSWORD) *`, verdict: authFailed}, // reaches the wire as a bare 28P01, like the next
	{text: `(EJITUNAUTHORIZED) *`, verdict: authFailed},

	{text: `(EAUTHQUERY) MD5 secrets are not supported*`, verdict: configRejected},
	{text: `(EAUTHQUERY) no auth_query configured*`, verdict: configRejected},
	{text: `(EAUTHQUERY) authentication query returned wrong format*`, verdict: configRejected},
	{text: `(EAUTHQUERY) unsupported or invalid secret format*`, verdict: configRejected},
	{text: `(EAUTHQUERY) failed to parse SCRAM secret*`, verdict: configRejected},
	{text: `(EADDRNOTALLOWED) *`, verdict: authRule},
	{text: `(EAUTHPROTOCOL) *`, verdict: configRejected},
	{text: `(EBANNED) *`, verdict: tenantBanned},
	{text: `(EINVALIDSTARTUPOPTION) *`, verdict: noParameter},
	{text: `(EINVALIDUSERINFO) *`, verdict: configRejected},
	{text: `(EMAXPREPARED) *`, verdict: configRejected},
	{text: `(EMAXPREPAREDMEM) *`, verdict: configRejected},
	{text: `(EPREPAREDDUP) *`, verdict: configRejected},
	{text: `(EPREPAREDNOTFOUND) *`, verdict: configRejected},
	{text: `(EPSSIMPLEQUERY) *`, verdict: configRejected},
	{text: `(ESESSIONLEAK) *`, verdict: configRejected},
	{text: `(ESETNOTALLOWED) *`, verdict: configRejected},
	{text: `(ESTARTUPMESSAGE) *`, verdict: configRejected},
	{text: `(ESTARTUPPACKETTOOLARGE) *`, verdict: configRejected},

	{text: `(ECHECKOUTTIMEOUT) *`, verdict: saturated},
	{text: `(EMAXCONN) *`, verdict: saturated},
	{text: `(EMAXCONNSESSION) *`, verdict: saturated},
	{text: `(EMAXPOOLSREACHED) *`, verdict: saturated},
	{text: `(EMAXPROXYCONN) *`, verdict: saturated},

	{text: `(EAUTHQUERY) *`, verdict: unavailable}, // the rest of them: the database did not answer
	{text: `(ECHECKOUTFAILED) *`, verdict: unavailable},
	{text: `(ECHECKOUTRETRIES) *`, verdict: unavailable},
	{text: `(EDBHANDLEREXITED) *`, verdict: unavailable},
	{text: `(EJITREQUESTFAILED) *`, verdict: unavailable},
	{text: `(EPOOLCHECKOUT) *`, verdict: unavailable},
	{text: `(EPOOLCONFIGNOTFOUND) *`, verdict: unavailable},
	{text: `(EPOOLRANCHNOTFOUND) *`, verdict: unavailable},
	{text: `(EPOOLTERMINATING) *`, verdict: unavailable},
	{text: `(EPROXYSTARTFAILED) *`, verdict: unavailable},
	{text: `(EPROXYSUPERVISORUNAVAILABLE) *`, verdict: unavailable},
	{text: `(ESUBSCRIBERETRIES) *`, verdict: unavailable},
	{text: `(EWORKERNOTFOUND) *`, verdict: unavailable},

	{text: `(EAUTHTIMEOUT) *`, verdict: timedOut},
	{text: `(ESSLREQUIRED) *`, verdict: tlsRequired},
}
