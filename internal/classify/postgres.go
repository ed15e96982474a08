package classify

// postgresTexts are PostgreSQL's words for a login or a query that failed.
var postgresTexts = []phrase{
	{text: `password authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `certificate authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `"trust" authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `Peer authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `Ident authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `PAM authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `LDAP authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `RADIUS authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `GSSAPI authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `SSPI authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `OAuth bearer authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `role "*" does not exist`, verdict: authFailed, namesRole: true},
	{text: `role "*" is not permitted to log in`, verdict: authFailed, namesRole: true},

	{text: `no pg_hba.conf entry for *`, verdict: authRule},
	{text: `pg_hba.conf rejects *`, verdict: authRule},
	{text: `connection requires a valid client certificate`, verdict: configRejected},
	{text: `database "*" does not exist`, verdict: noDatabase},
	{text: `permission denied for database "*`, verdict: configRejected},
	{text: `unrecognized configuration parameter "*`, verdict: noParameter},
	{text: `invalid value for parameter "*`, verdict: noParameter},
	{text: `unsupported frontend protocol *`, verdict: configRejected},

	{text: `sorry, too many clients already`, verdict: saturated},
	{text: `remaining connection slots are reserved for *`, verdict: saturated},
	{text: `too many connections for role "*`, verdict: saturated},
	{text: `too many connections for database "*`, verdict: saturated},

	{text: `terminating connection due to idle-in-transaction timeout`, verdict: timedOut},
	{text: `terminating connection due to idle-session timeout`, verdict: timedOut},
	{text: `terminating connection due to transaction timeout`, verdict: timedOut},
	{text: `canceling statement due to *`, verdict: timedOut},
	{text: `canceling authentication due to timeout`, verdict: timedOut},

	{text: `the database system is *`, verdict: unavailable}, // starting up, shutting down, in recovery mode, not (yet) accepting
	{text: `database "*" is not currently accepting connections`, verdict: unavailable},
	{text: `terminating connection due to *`, verdict: unavailable},
	{text: `terminating connection because *`, verdict: unavailable},
	{text: `could not fork new process for connection*`, verdict: unavailable},
	{text: `out of memory`, verdict: unavailable}, // PgBouncer's as well
}
