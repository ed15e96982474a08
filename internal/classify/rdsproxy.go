package classify

// rdsproxyTexts are those of Amazon RDS Proxy for PostgreSQL, in the order of
// the table in its documentation's page on troubleshooting, then what public
// reports add. Its source is closed; the full stop at the end comes and goes.
var rdsproxyTexts = []phrase{
	{text: `IAM authentication is allowed only with SSL connections*`, verdict: tlsRequired},
	{text: `This RDS Proxy requires TLS connections*`, verdict: tlsRequired},
	{text: `IAM authentication failed for *`, verdict: authFailed},
	{text: `This RDS proxy has no credentials for the role *`, verdict: authFailed},
	{text: `RDS supports only IAM*`, verdict: configRejected},
	{text: `A user name is missing from the connection startup packet*`, verdict: configRejected},
	{text: `Feature not supported: RDS Proxy *`, verdict: configRejected},
	{text: `The IAM authentication failed because of too many competing requests*`, verdict: saturated},
	{text: `The maximum number of client connections to the proxy exceeded *`, verdict: saturated},
	{text: `Rate of connection to proxy exceeded *`, verdict: saturated},
	{text: `The password that was provided for the role *`, verdict: authFailed}, // ... is wrong
	{text: `The IAM authentication failed for the role *`, verdict: authFailed},
	{text: `IAM is allowed only with SSL connections*`, verdict: tlsRequired},
	{text: `Timed-out waiting to acquire database connection*`, verdict: saturated},

	{text: `RDS Proxy supports only IAM*`, verdict: configRejected},
}
