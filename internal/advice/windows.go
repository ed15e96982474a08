package advice

import "dragonfly.internal/sidecar/internal/supervisor/machine"

// windows are the words of a lockout, by trigger. When to wait until is said
// before them.
var windows = map[string]words{
	// No cause is named: a database that was stopped reads the same as a wrong
	// password of the pooler (docs/facts.md#pgbouncer-restart), and is more frequent.
	string(machine.TriggerServerLoginRetry): {
		wrong:    "The database may be down or paused: look {dashboard} whether it runs, and start it if it does not.",
		do:       "If it runs, the pooler's own password for it may be wrong.",
		after:    "If another window follows, the database still does not run, or that password is still wrong.",
		row:      "the database is still down, or the pooler's own password is still wrong. No other service is at fault.",
		rowAfter: "If the database runs, ask whoever runs the pooler why it cannot log in."},
	named: {
		wrong:    "The database refuses the pooler's own login: the user or password that the pooler has for it is wrong.",
		do:       "Find the right one meanwhile, but save it in DATABASE_URL only after that time: saving restarts the service.",
		after:    "If another window follows, what the pooler logs in with is still wrong.",
		row:      "what the pooler logs in with is still wrong. No other service is at fault.",
		rowAfter: "If DATABASE_URL is right, ask whoever runs the pooler what it logs in with."},
	string(machine.TriggerCircuitBreaker): {
		wrong:    "The pooler blocks this address after too many wrong passwords: some service tries one again and again.",
		do:       "Find that service and stop it. Save a corrected DATABASE_URL only after that time: saving restarts the service.",
		after:    "If another window follows, some service still tries a wrong password.",
		row:      "a service still logs in with a wrong password, or DATABASE_URL has one.",
		rowAfter: "Stop one service after the other until the lockout stays away; think of cron jobs and laptops."},
	string(machine.TriggerNetworkBan): {
		wrong: "The database's host has banned this address after two wrong passwords.",
		do: "Stop whoever tries one; then the ban can be lifted sooner: `sidecar bans lift`, or the dashboard, Database settings, Network bans. " +
			"It comes back at once while anybody retries.",
		after:    "If another window follows, some service still tries a wrong password.",
		row:      "a service still logs in with a wrong password, or DATABASE_URL has one.",
		rowAfter: "Stop one service after the other until the ban stays away; think of cron jobs and laptops."},
	string(machine.TriggerQueryWaitTimeout): {
		wrong: "All of the pool's connections are held, so no query gets one.",
		do: "Look past the pool ({past}): the runbook's pg_stat_activity query shows who holds them. " +
			"Stop or restart that one stuck service, and no other.",
		after:    "If another window follows, the connections are still held: end the longest transaction with pg_terminate_backend.",
		row:      "somebody still holds the pool's connections.",
		rowAfter: "End the longest transaction with pg_terminate_backend, and stop the service that began it."},
}

// echoes are the words while a lockout may be an old one.
var echoes = map[string]words{
	echoed + string(machine.TriggerServerLoginRetry): {
		message: "The pooler reports a lockout that may be an old one.",
		wrong:   "The pooler cannot log in to the database: it may be restarting, down or paused.",
		do:      "Wait while the sidecar looks again, and do NOT restart services.",
		after:   "Within a minute and a half it is well again, or there is a time to wait for."},
	echoed + named: {
		message: "The pooler reports a lockout that may be an old one.",
		wrong:   "The database has just refused the pooler's own login, which may be over by now.",
		do:      "Wait while the sidecar looks again, and do NOT restart services.",
		after:   "Within half a minute it is well again, or there is a time to wait for."},
	echoed + string(machine.TriggerQueryWaitTimeout): {
		message: "The pooler reports a lockout that may be an old one.",
		wrong:   "The pool had no free connection just now, which may pass.",
		do:      "Wait while the sidecar looks again, and do NOT restart services.",
		after:   "Within a minute and a half it is well again, or there is a time to wait for."},
}
