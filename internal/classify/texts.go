package classify

import "slices"

// phrase is one fixed text and what it means.
type phrase struct {
	text pattern
	verdict
	namesRole bool // the variable part is the role that was refused
}

// texts are the fixed words of PgBouncer, of Supavisor before its codes, and of
// PostgreSQL where the SQLSTATE got lost on the way: PgBouncer up to 1.19
// rewrites it, and what it remembers has none. The first row that fits decides.
var texts = slices.Concat(pgbouncerTexts, supavisorTexts, postgresTexts)

var pgbouncerTexts = []phrase{
	{text: `query_wait_timeout`, verdict: queryWait},
	{text: `server login has been failing*`, verdict: loginRetry},     // no cause; one with a cause never comes here
	{text: `pgbouncer cannot connect to server`, verdict: loginRetry}, // the same before 1.17

	{text: `SASL authentication failed`, verdict: authFailed},
	{text: `password authentication failed`, verdict: authFailed},
	{text: `certificate authentication failed`, verdict: authFailed},
	{text: `"trust" authentication failed`, verdict: authFailed},
	{text: `PAM authentication failed`, verdict: authFailed},
	{text: `LDAP authentication failed`, verdict: authFailed},
	{text: `GSSAPI authentication failed`, verdict: authFailed},
	{text: `auth failed`, verdict: authFailed}, // up to 1.8, either spelling
	{text: `Auth failed`, verdict: authFailed},
	{text: `empty password returned by client`, verdict: authFailed},
	{text: `no such user`, verdict: authFailed},
	{text: `no such user: *`, verdict: authFailed},
	{text: `unix socket login rejected`, verdict: authFailed},
	{text: `login rejected`, verdict: authFailed},
	{text: `no authentication method is found`, verdict: authFailed},

	{text: `no such database: *`, verdict: noDatabase},
	{text: `database name "*" is reserved`, verdict: configRejected},
	{text: `not allowed`, verdict: configRejected}, // its admin database
	{text: `no username supplied`, verdict: configRejected},
	{text: `username too long`, verdict: configRejected},
	{text: `unsupported startup parameter: *`, verdict: noParameter},
	{text: `unsupported startup parameter in options: *`, verdict: noParameter},
	{text: `unsupported options startup parameter: *`, verdict: noParameter},
	{text: `invalid startup packet layout*`, verdict: configRejected},
	{text: `invalid server parameter`, verdict: noParameter}, // the server refused a value we set
	{text: `client selected an invalid SASL authentication mechanism`, verdict: configRejected},
	{text: `failed to answer authreq`, verdict: poolersLogin}, // it holds no secret of the kind the server asks for

	{text: `no more connections allowed*`, verdict: saturated},
	{text: `client connections exceeded (*`, verdict: saturated},

	// A server lost while it looks up a user reads `bouncer config error` too,
	// and a restart must not become a hold (docs/design.md#invariants-and-their-tests, 8).
	{text: `bouncer config error`, verdict: poolerConfig},
	{text: `bouncer resources exhaustion`, verdict: unavailable},
	{text: `no memory for *`, verdict: unavailable},
	{text: `pause failed`, verdict: unavailable},
	{text: `suspend_timeout`, verdict: unavailable},
	{text: `admin forced disconnect`, verdict: unavailable},
	{text: `client_login_timeout (server down)`, verdict: unavailable},
	{text: `server shutting down`, verdict: unavailable},
	{text: `database configuration changed`, verdict: unavailable},
	{text: `connect string changed`, verdict: unavailable},
	{text: `database removed`, verdict: unavailable},
	{text: `database does not allow connections: *`, verdict: unavailable}, // DISABLE, up to 1.17
	{text: `database "*" is disabled`, verdict: unavailable},
	{text: `authentication database "*" is disabled`, verdict: unavailable},
	{text: `cannot connect`, verdict: unavailable},
	{text: `connect failed`, verdict: unavailable},
	{text: `connect timeout`, verdict: unavailable},
	{text: `server DNS lookup failed`, verdict: unavailable},
	{text: `unknown address family: *`, verdict: unavailable},
	{text: `server conn crashed?`, verdict: unavailable},
	{text: `server connection closed`, verdict: unavailable},
	{text: `server refused SSL`, verdict: unavailable}, // between pooler and server: not ours to mend
	{text: `bad sslreq answer`, verdict: unavailable},
	{text: `sslreq processing failed`, verdict: unavailable},
	{text: `startup pkt failed`, verdict: unavailable},
	{text: `exec_on_connect query failed`, verdict: unavailable},
	{text: `partial pkt in login phase`, verdict: unavailable},
	{text: `unknown pkt from server`, verdict: unavailable},
	{text: `server does not satisfy target_session_attrs`, verdict: unavailable},

	{text: `client_login_timeout`, verdict: timedOut},
	{text: `client_idle_timeout`, verdict: timedOut},
	{text: `idle transaction timeout`, verdict: timedOut},
	{text: `transaction timeout`, verdict: timedOut},
	{text: `query timeout`, verdict: timedOut},
	{text: `query_timeout`, verdict: timedOut},
	{text: `cancel_wait_timeout`, verdict: timedOut},

	{text: `SSL required`, verdict: tlsRequired},
}

var supavisorTexts = []phrase{
	{text: `Circuit breaker open: Too many authentication errors*`, verdict: circuitBreaker},
	{text: `Circuit breaker open: too many authentication failures*`, verdict: circuitBreaker}, // between 2.8 and 2.9
	{text: `Circuit breaker open: Failed to retrieve database credentials*`, verdict: slowBreaker},
	{text: `Circuit breaker open: failed to retrieve database credentials*`, verdict: slowBreaker},
	{text: `Circuit breaker open: Unable to establish connection to upstream database*`, verdict: slowBreaker},
	{text: `Circuit breaker open: too many failed attempts to connect to the database*`, verdict: slowBreaker},

	{text: `Tenant or user not found`, verdict: tenantNotFound},

	{text: `Address not in tenant allow_list: *`, verdict: authRule},
	{text: `Authentication error, reason: "Invalid format for user or db_name"*`, verdict: configRejected},
	{text: `protocol violation during authentication`, verdict: configRejected},
	{text: `max prepared statements *`, verdict: configRejected},
	{text: `Supavisor transaction mode only supports prepared statements*`, verdict: configRejected},

	{text: `Max client connections reached`, verdict: saturated},
	{text: `Max pools count reached`, verdict: saturated},
	{text: `MaxClientsInSessionMode: *`, verdict: saturated},
	{text: `Unable to check out *`, verdict: saturated},

	{text: `Authentication error, reason: "Authentication query failed: *`, verdict: unavailable},
	{text: `Failed to connect to database: *`, verdict: unavailable},
	{text: `Failed to subscribe to tenant*`, verdict: unavailable},
	{text: `Connection to database closed*`, verdict: unavailable},
	{text: `DbHandler exited*`, verdict: unavailable},
	{text: `Error while sending query`, verdict: unavailable},

	{text: `connection failure during authentication`, verdict: timedOut}, // it waited for us

	{text: `SSL connection is required`, verdict: tlsRequired},
}
