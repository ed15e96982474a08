package classify

// pgbouncerTexts are what PgBouncer says to a client, file by file of its src
// directory and in the order of each file (1.25.2). It sends nearly all of them
// under 08P01 (docs/facts.md#sqlstate). Texts about a broken protocol are left
// out: no client of ours causes them, so they may stay unknown.
var pgbouncerTexts = []phrase{
	// client.c
	{text: `bouncer config error`, verdict: poolerConfig}, // also when the server is lost while it looks up a user
	{text: `authentication database "*" is disabled`, verdict: unavailable},
	{text: `no memory for *`, verdict: unavailable},
	{text: `pause failed`, verdict: unavailable},
	{text: `certificate authentication failed`, verdict: authFailed},
	{text: `unix socket login rejected`, verdict: authRule},
	{text: `auth_ldap_options is null`, verdict: configRejected},
	{text: `no authentication method is found`, verdict: authRule}, // no line of its hba file fits
	{text: `ldap is not supported by this build`, verdict: configRejected},
	{text: `"trust" authentication failed`, verdict: authFailed},
	{text: `login rejected`, verdict: authRule}, // a reject line of its hba file
	{text: `client connections exceeded (*`, verdict: saturated},
	{text: `username too long`, verdict: configRejected},
	{text: `password too long`, verdict: authFailed},
	{text: `bouncer resources exhaustion`, verdict: unavailable},
	{text: `no such user`, verdict: authFailed},
	{text: `unsupported startup parameter in options: *`, verdict: noParameter},
	{text: `unsupported options startup parameter: *`, verdict: noParameter},
	{text: `unsupported startup parameter: *`, verdict: noParameter},
	{text: `invalid startup packet layout*`, verdict: configRejected},
	{text: `no username supplied`, verdict: configRejected},
	{text: `no more connections allowed*`, verdict: saturated},
	{text: `old V2 protocol not supported`, verdict: configRejected},
	{text: `SSL required`, verdict: tlsRequired},
	{text: `client selected an invalid SASL authentication mechanism`, verdict: configRejected},
	{text: `SASL authentication failed`, verdict: authFailed},
	{text: `empty password returned by client`, verdict: authFailed},
	{text: `password authentication failed`, verdict: authFailed},
	{text: `server connection closed`, verdict: unavailable},
	{text: `received unencrypted data after SSL request`, verdict: tlsFault},
	{text: `received unencrypted data after GSSAPI encryption request`, verdict: tlsFault},

	// janitor.c
	{text: `suspend_timeout`, verdict: unavailable},
	{text: `client_idle_timeout`, verdict: timedOut},
	{text: `server shutting down`, verdict: unavailable},
	{text: `query_timeout`, verdict: timedOut},
	{text: `query_wait_timeout`, verdict: queryWait},
	{text: `cancel_wait_timeout`, verdict: timedOut},
	{text: `client_login_timeout (server down)`, verdict: unavailable},
	{text: `database configuration changed`, verdict: unavailable},
	{text: `query timeout`, verdict: timedOut},
	{text: `idle transaction timeout`, verdict: timedOut},
	{text: `transaction timeout`, verdict: timedOut},
	{text: `connect timeout`, verdict: unavailable},
	{text: `client_login_timeout`, verdict: timedOut},

	// ldapauth.c, pam.c
	{text: `LDAP authentication failed`, verdict: authFailed},
	{text: `PAM authentication failed`, verdict: authFailed},

	// objects.c, where the memory of a failed login is as well: cached.go reads it
	{text: `server DNS lookup failed`, verdict: unavailable},
	{text: `unknown address family: *`, verdict: unavailable},
	{text: `cannot connect`, verdict: unavailable},
	{text: `no such database: *`, verdict: noDatabase},
	{text: `database "*" is disabled`, verdict: unavailable},
	{text: `pooler is shutting down`, verdict: unavailable}, // from 1.25 on
	{text: `connect string changed`, verdict: unavailable},

	// prepare.c
	{text: `prepared statement name is already in use`, verdict: configRejected},
	{text: `prepared statement did not exist`, verdict: configRejected},

	// proto.c: it cannot log in with the secret that it holds, and says so to us
	{text: `failed to prepare welcome message`, verdict: unavailable},
	{text: `server login failed: *`, verdict: poolersLogin},

	// server.c, most of it about the way from the pooler to the server
	{text: `broken ParameterStatus packet`, verdict: unavailable},
	{text: `failed to store ParameterStatus`, verdict: unavailable},
	{text: `unknown pkt from server`, verdict: unavailable},
	{text: `login failed`, verdict: unavailable}, // its connect_query failed
	{text: `failed to answer authreq`, verdict: poolersLogin},
	{text: `exec_on_connect query failed`, verdict: unavailable},
	{text: `transaction blocks not allowed in statement pooling mode`, verdict: configRejected},
	{text: `invalid server parameter`, verdict: noParameter}, // the server refused a value that we set
	{text: `startup pkt failed`, verdict: unavailable},
	{text: `bad sslreq answer`, verdict: unavailable},
	{text: `received unencrypted data after SSL response`, verdict: unavailable},
	{text: `server refused SSL`, verdict: unavailable},
	{text: `sslreq processing failed`, verdict: unavailable},
	{text: `server conn crashed?`, verdict: unavailable},
	{text: `bad pkt header`, verdict: unavailable},
	{text: `connect failed`, verdict: unavailable},
	{text: `TLS startup failed`, verdict: unavailable},
	{text: `partial pkt in login phase`, verdict: unavailable},
	{text: `server does not satisfy target_session_attrs`, verdict: unavailable},

	// admin.c
	{text: `admin forced disconnect`, verdict: unavailable},
	{text: `not allowed`, verdict: configRejected}, // its admin database

	// Earlier releases.
	{text: `pgbouncer cannot connect to server`, verdict: loginRetry}, // to 1.16
	{text: `server_login_retry`, verdict: loginRetry},                 // the setting's name alone, as some tools print it
	{text: `server_login_retry exceeded*`, verdict: loginRetry},
	{text: `auth failed`, verdict: authFailed}, // to 1.8
	{text: `no such user: *`, verdict: authFailed},
	{text: `database name "*" is reserved`, verdict: configRejected},
	{text: `database does not allow connections: *`, verdict: unavailable}, // DISABLE, to 1.17
	{text: `database removed`, verdict: unavailable},
}
