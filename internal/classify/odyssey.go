package classify

// odysseyTexts are Odyssey's: the order of sources/auth.c, then of
// sources/frontend.c (1.5.2). Each comes behind `odyssey: ID: `, and so does
// what the server said; bare takes that off.
var odysseyTexts = []phrase{
	{text: `user blocked: *`, verdict: configRejected},
	{text: `incorrect user`, verdict: authFailed},
	{text: `external authentication failed for user "*`, verdict: authFailed},
	{text: `failed to make auth query`, verdict: unavailable}, // the database restarts
	{text: `frontend auth: failed to make auth query`, verdict: unavailable},
	{text: `frontend auth: invalid user password or SCRAM secret*`, verdict: poolersLogin}, // in its own configuration
	{text: `TLS connection required`, verdict: tlsRequired},

	{text: `SSL is required`, verdict: tlsRequired},
	{text: `too many active clients for user *`, verdict: saturated},
	{text: `too many client tcp connections *`, verdict: saturated},
	{text: `too many tcp connections *`, verdict: saturated},
	{text: `client routing failed`, verdict: unavailable},
	{text: `route for '*' is not found`, verdict: noDatabase},
	{text: `host based authentication rejected`, verdict: authRule}, // under 28P01
	{text: `failed to connect to remote server *`, verdict: unavailable},
	{text: `failed to get remote server connection`, verdict: unavailable},
	{text: `remote server read/write error *`, verdict: unavailable},
	{text: `soft out of memory`, verdict: unavailable},
	{text: `replication lag too big*`, verdict: unavailable},
	{text: `Odyssey is gracefully shutting down`, verdict: unavailable},
	{text: `Odyssey has dropped the connection`, verdict: unavailable},
	{text: `Connection was dropped by Odyssey due to *`, verdict: timedOut},
}
