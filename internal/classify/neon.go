package classify

// neonTexts are those of Neon's proxy, all of them under XX000: the order of
// proxy/src/pglb/mod.rs, auth/mod.rs, auth/credentials.rs, control_plane/
// messages.rs and errors.rs, compute/mod.rs (March 2026), then what its console
// adds and only its documentation tells.
var neonTexts = []phrase{
	{text: "connection is insecure (try using `sslmode=require`)*", verdict: tlsRequired},

	{text: `Unsupported authentication method: *`, verdict: configRejected},
	{text: `Malformed password message: *`, verdict: configRejected},
	{text: `Endpoint ID is not specified*`, verdict: configRejected},
	{text: `VPC endpoint ID is not specified*`, verdict: configRejected},
	{text: `password authentication failed for user '*'`, verdict: authFailed},
	{text: `This IP address *`, verdict: authRule}, // ... is not allowed to connect to this endpoint
	{text: `This connection is trying to access this endpoint from a blocked network*`, verdict: authRule},
	{text: `This VPC endpoint id *`, verdict: authRule},
	{text: `Too many connections to this endpoint*`, verdict: saturated},
	{text: `Authentication timed out`, verdict: timedOut},
	{text: `Disconnected due to inactivity after *`, verdict: timedOut},

	{text: `Parameter '*`, verdict: configRejected}, // ... is missing in startup packet
	{text: `Inconsistent project name *`, verdict: configRejected},
	{text: `Project name ('*`, verdict: configRejected},

	{text: `Control plane request failed: endpoint cannot be found`, verdict: configRejected},
	{text: `Control plane request failed: endpoint is disabled`, verdict: configRejected},
	{text: `Control plane request failed*`, verdict: unavailable},
	{text: `Too many connections attempts*`, verdict: saturated},
	{text: `Failed to acquire permit to connect to the database*`, verdict: saturated},

	{text: `Couldn't connect to compute node*`, verdict: unavailable},

	{text: `Your account or project has exceeded *`, verdict: configRejected},
	{text: `The requested endpoint could not be found*`, verdict: configRejected},
}
