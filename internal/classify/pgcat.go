package classify

// pgcatTexts are PgCat's, in the order of src/client.rs (1.2.0). It sends all
// but a wrong password under 58000.
var pgcatTexts = []phrase{
	{text: `No pool configured for database: *`, verdict: configRejected},
	{text: `Invalid pool name*`, verdict: configRejected},
	{text: `Pool down for database: *`, verdict: unavailable},
	{text: `could not get connection from the pool - *`, verdict: unavailable},
	{text: `checkout failure limit reached *`, verdict: saturated},
	{text: `error receiving data from server: *`, verdict: unavailable},
	{text: `pool statement timeout`, verdict: timedOut},
}
