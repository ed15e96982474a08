package classify

// azureTexts are those of the gateway before Azure's PostgreSQL, from public
// reports: its source is closed.
var azureTexts = []phrase{
	{text: `Invalid Username specified*`, verdict: authFailed},
	{text: `SSL connection is required. Please *`, verdict: tlsRequired},
	{text: `The server is currently busy*`, verdict: unavailable},
}
