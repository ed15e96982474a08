package classify

// supavisorCodes are the texts of Supavisor from 2.9 on, each behind the code
// of its class. They are in the order of the files in lib/supavisor/errors
// (2.9.10), except that what stands for the rest of a code comes last. A code
// that is not here falls through to the SQLSTATE, mostly to `unknown`.
var supavisorCodes = []phrase{
	{text: `(EADDRNOTALLOWED) *`, verdict: authRule},
	{text: `(EAUTHPROTOCOL) *`, verdict: configRejected},
	{text: `(EAUTHQUERY) no auth_query configured*`, verdict: configRejected},
	{text: `(EAUTHQUERY) user not found*`, verdict: authFailed},
	{text: `(EAUTHQUERY) authentication query returned wrong format*`, verdict: configRejected},
	{text: `(EAUTHQUERY) unsupported or invalid secret format*`, verdict: configRejected},
	{text: `(EAUTHQUERY) failed to parse SCRAM secret*`, verdict: configRejected},
	{text: `(EAUTHQUERY) MD5 secrets are not supported*`, verdict: configRejected},
	{text: `(EAUTHQUERY) *`, verdict: unavailable}, // the database did not answer
	{text: `(EAUTHSECRETS) *`, verdict: unavailable},
	{text: `(EAUTHTIMEOUT) *`, verdict: timedOut},
	{text: `(ECHECKOUTFAILED) *`, verdict: unavailable},
	{text: `(ECHECKOUTRETRIES) *`, verdict: unavailable},
	{text: `(ECHECKOUTTIMEOUT) *`, verdict: saturated},
	{text: `(ECIRCUITBREAKER) too many authentication failures*`, verdict: circuitBreaker},
	{text: `(ECIRCUITBREAKER) too many authentication errors*`, verdict: circuitBreaker},
	{text: `(ECIRCUITBREAKER) failed to retrieve database credentials*`, verdict: slowBreaker},
	{text: `(ECIRCUITBREAKER) too many failed attempts to connect to the database*`, verdict: slowBreaker}, // 2.9.0 and 2.9.1
	{text: `(ECIRCUITBREAKER) *`, verdict: newBreaker},
	{text: `(ECLIENTSOCKETCLOSED) *`, verdict: unavailable},
	{text: `(EDBHANDLEREXITED) *`, verdict: unavailable},
	{text: `(EPREPAREDDUP) *`, verdict: configRejected},
	{text: `(EPROXYSTARTFAILED) *`, verdict: unavailable},
	{text: `(EINVALIDUSERINFO) *`, verdict: configRejected},
	{text: `(EJITREQUESTFAILED) *`, verdict: unavailable},
	{text: `(EJITUNAUTHORIZED) *`, verdict: authFailed}, // reaches the wire without its code
	{text: `(EMAXCONNSESSION) *`, verdict: saturated},
	{text: `(EMAXCONN) *`, verdict: saturated},
	{text: `(EMAXPROXYCONN) *`, verdict: saturated},
	{text: `(EMAXPOOLSREACHED) *`, verdict: saturated},
	{text: `(EMAXPREPARED) *`, verdict: configRejected},
	{text: `(EMAXPREPAREDMEM) *`, verdict: configRejected},
	{text: `(EMULTIPLEUSERS) *`, verdict: tenantNotFound},
	{text: `(ENOIDENTIFIER) *`, verdict: tenantNotFound},
	{text: `(EPOOLCHECKOUT) *`, verdict: unavailable},
	{text: `(EPOOLCONFIGNOTFOUND) *`, verdict: unavailable},
	{text: `(EPOOLRANCHNOTFOUND) *`, verdict: unavailable},
	{text: `(EPOOLTERMINATING) *`, verdict: unavailable},
	{text: `(EPREPAREDNOTFOUND) *`, verdict: configRejected},
	{text: `(EPROXYSUPERVISORUNAVAILABLE) *`, verdict: unavailable},
	{text: `(EPSSIMPLEQUERY) *`, verdict: configRejected},
	{text: `(ESSLHANDSHAKE) *`, verdict: tlsFault},
	{text: `(ESSLREQUIRED) *`, verdict: tlsRequired},
	{text: `(ESTARTUPMESSAGE) *`, verdict: configRejected},
	{text: `(ESTARTUPPACKETTOOLARGE) *`, verdict: configRejected},
	{text: `(ESUBSCRIBERETRIES) *`, verdict: unavailable},
	{text: `(EBANNED) *`, verdict: tenantBanned},
	{text: `(ENOTFOUND) *`, verdict: tenantNotFound},
	{text: `(EWORKERNOTFOUND) *`, verdict: unavailable},
	{text: `(EWRONGPASSWORD) *`, verdict: authFailed}, // reaches the wire without its code

	// Codes of single releases.
	{text: `(EINVALIDSTARTUPOPTION) *`, verdict: noParameter},
	{text: `(ESESSIONLEAK) *`, verdict: configRejected},
	{text: `(ESETNOTALLOWED) *`, verdict: configRejected},
}

// supavisorTexts are Supavisor's texts before its codes. The order is that of
// lib/supavisor/client_handler.ex and client_handler/error.ex (2.7 and 2.8),
// then earlier releases.
var supavisorTexts = []phrase{
	{text: `SSL connection is required`, verdict: tlsRequired},
	{text: `Address not in tenant allow_list: *`, verdict: authRule},
	{text: `Tenant or user not found`, verdict: tenantNotFound},
	{text: `Authentication error, reason: "Authentication query failed: *`, verdict: unavailable},
	{text: `Authentication error, reason: "Invalid format for user or db_name"*`, verdict: configRejected},
	{text: `connection failure during authentication`, verdict: timedOut}, // it waited for us
	{text: `protocol violation during authentication`, verdict: configRejected},
	{text: `Max client connections reached`, verdict: saturated},
	{text: `MaxClientsInSessionMode: *`, verdict: saturated},
	{text: `Max pools count reached`, verdict: saturated},
	{text: `Unable to check out *`, verdict: saturated},
	{text: `Failed to subscribe to tenant*`, verdict: unavailable},
	{text: `Failed to connect to database: *`, verdict: unavailable},
	{text: `Connection to database closed*`, verdict: unavailable},
	{text: `DbHandler exited*`, verdict: unavailable},
	{text: `Error while sending query`, verdict: unavailable},
	{text: `max prepared statements *`, verdict: configRejected},
	{text: `Supavisor transaction mode only supports prepared statements*`, verdict: configRejected},

	// 2.8
	{text: `Circuit breaker open: Too many authentication errors*`, verdict: circuitBreaker},
	{text: `Circuit breaker open: too many authentication failures*`, verdict: circuitBreaker},
	{text: `Circuit breaker open: Failed to retrieve database credentials*`, verdict: slowBreaker},
	{text: `Circuit breaker open: Unable to establish connection to upstream database*`, verdict: slowBreaker},
	{text: `Circuit breaker open: too many failed attempts to connect to the database*`, verdict: slowBreaker},
	{text: `Circuit breaker open: *`, verdict: newBreaker},

	// Earlier releases.
	{text: `Wrong password`, verdict: authFailed},          // to 2.5, for md5 secrets
	{text: `Tenant not found`, verdict: tenantNotFound},    // to 2.7, in native mode
	{text: `Too many clients already`, verdict: saturated}, // 1.0
}
