package classify

// postgresTexts are PostgreSQL's own words for a login or a query that failed,
// file by file of its src/backend directory and in the order of each file
// (release 15; what a later one added says so).
var postgresTexts = []phrase{
	// libpq/auth.c
	{text: `"trust" authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `Ident authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `Peer authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `password authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `GSSAPI authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `SSPI authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `PAM authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `LDAP authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `certificate authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `RADIUS authentication failed for user "*"`, verdict: authFailed, namesRole: true},
	{text: `OAuth bearer authentication failed for user "*"`, verdict: authFailed, namesRole: true}, // 18
	{text: `connection requires a valid client certificate`, verdict: configRejected},
	{text: `pg_hba.conf rejects *`, verdict: authRule},
	{text: `no pg_hba.conf entry for *`, verdict: authRule},

	// postmaster/postmaster.c
	{text: `unsupported frontend protocol *`, verdict: configRejected},
	{text: `the database system is *`, verdict: unavailable}, // starting up, shutting down, in recovery mode, not (yet) accepting
	{text: `sorry, too many clients already`, verdict: saturated},
	{text: `could not fork new process for connection*`, verdict: unavailable},

	// tcop/postgres.c, storage/ipc
	{text: `terminating connection due to idle-in-transaction timeout`, verdict: timedOut},
	{text: `terminating connection due to transaction timeout`, verdict: timedOut}, // 17
	{text: `terminating connection due to idle-session timeout`, verdict: timedOut},
	{text: `terminating connection due to *`, verdict: unavailable},
	{text: `terminating connection because *`, verdict: unavailable},
	{text: `canceling authentication due to timeout`, verdict: timedOut},
	{text: `canceling statement due to *`, verdict: timedOut},

	// utils/init/miscinit.c, utils/init/postinit.c
	{text: `role "*" does not exist`, verdict: authFailed, namesRole: true},
	{text: `role "*" is not permitted to log in`, verdict: authFailed, namesRole: true},
	{text: `too many connections for role "*`, verdict: saturated},
	{text: `database "*" is not currently accepting connections`, verdict: unavailable},
	{text: `permission denied for database "*`, verdict: configRejected},
	{text: `too many connections for database "*`, verdict: saturated},
	{text: `remaining connection slots are reserved for *`, verdict: saturated},
	{text: `database "*" does not exist`, verdict: noDatabase},
	{text: `cannot connect to invalid database "*"`, verdict: configRejected}, // 15.4: dropping it was interrupted

	// utils/misc/guc.c, utils/mmgr
	{text: `unrecognized configuration parameter "*`, verdict: noParameter},
	{text: `invalid value for parameter "*`, verdict: noParameter},
	{text: `out of memory`, verdict: unavailable}, // PgBouncer's as well
}
