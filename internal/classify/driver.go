package classify

// driverTexts are the faults that pgconn and crypto/tls name in words only. The
// innermost text is compared, which is never the peer's.
var driverTexts = []phrase{
	{text: `server refused TLS connection`, verdict: tlsRefused},
	{text: `tls: *`, verdict: tlsFault},
	{text: `x509: *`, verdict: tlsFault},

	// Supavisor before 2.6 says e=Wrong password there, which pgconn leaves out.
	{text: `invalid SCRAM server-final-message received from server`, verdict: authFailed},
	{text: `invalid SCRAM ServerSignature received from server`, verdict: authFailed},

	{text: `server does not support SCRAM-SHA-256`, verdict: configRejected},
	{text: `channel binding required*`, verdict: configRejected},
	{text: `authentication method requirement *`, verdict: configRejected},
	{text: `server protocol version too low*`, verdict: configRejected},
	{text: `kerberos error: no GSSAPI provider registered*`, verdict: configRejected},
	{text: `OAuth authentication required*`, verdict: configRejected},
}
