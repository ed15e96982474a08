package classify

// pgdogTexts are PgDog's: the order of net/messages/error_response.rs, then of
// backend/pool/error.rs and backend/error.rs (head of August 2026). Most of the
// latter come under 58000.
var pgdogTexts = []phrase{
	{text: `password for user "*`, verdict: authFailed}, // goes on `and database "..." is wrong, or the database does not exist`
	{text: `client login timeout`, verdict: timedOut},
	{text: `disconnecting idle *`, verdict: timedOut},
	{text: `connection pool for user "*`, verdict: unavailable},
	{text: `PgDog is shutting down`, verdict: unavailable},
	{text: `only TLS connections are allowed`, verdict: tlsRequired},

	{text: `checkout timeout`, verdict: saturated},
	{text: `replica checkout timeout`, verdict: saturated},

	{text: `no such user/database: *`, verdict: configRejected},
}
