package advice

import "dragonfly.internal/sidecar/internal/supervisor/machine"

// configFaults are refusals that only a change of something ends.
var configFaults = map[string]words{
	string(machine.DetailNotPostgreSQL): {
		message: "Something else than PostgreSQL answers.",
		wrong:   "Something else than PostgreSQL answers at this host and port: neither waiting nor restarting helps.",
		do:      "Correct host and port in DATABASE_URL: the pooler's port is 6543.",
		after:   "If both are right, ask whoever runs the host what listens there."},
	string(machine.DetailAuthRule): {
		message: "A rule of the server keeps this address or user out.",
		wrong:   "A rule of the server keeps this address, user or database out: neither waiting nor restarting helps.",
		do:      "Allow it in the dashboard: Database settings, Network restrictions.",
		after:   "If all of that is allowed, the service's outgoing address has changed: ask a developer which one it is."},
	string(machine.DetailNoDatabase): {
		message: "The server does not know this database.",
		wrong:   "The database that DATABASE_URL names is not there: neither waiting nor restarting helps.",
		do:      "Correct the name behind the last slash: on Supabase it is postgres.",
		after:   "If the name is right, the database was dropped or renamed: ask a developer."},
	string(machine.DetailStartupParameter): {
		message: "The server refused a parameter of the connection.",
		wrong:   "The server refuses a parameter of the connection: neither waiting nor restarting helps.",
		do:      "Remove the one that the last error names from DATABASE_URL.",
		after:   "If DATABASE_URL does not have it, the pooler adds it: show the last error to a developer."},
	string(machine.DetailPoolerLogin): {
		message: "The database refused the pooler's own login.",
		wrong:   "The database refuses the pooler's own login, not ours: neither waiting nor restarting helps.",
		do:      "Leave DATABASE_URL as it is. Only Supabase's support can correct what its pooler logs in with.",
		after:   "If the support has no answer within an hour, use the waiver meanwhile."},
	string(machine.DetailTenantBanned): {
		message: "The pooler's operator has banned this project.",
		wrong:   "The pooler's operator has banned this project: neither waiting nor restarting helps.",
		do:      "Ask the operator's support why, and show the last error.",
		after:   "If that takes longer than an hour, use the waiver meanwhile."},
	string(machine.DetailPoolerConfig): {
		message: "The pooler cannot use its own settings.",
		wrong:   "The pooler cannot use its own settings: it seldom comes back by itself, and restarting services does not help.",
		do:      "Look at the provider's status page, and restart nothing.",
		after:   "After ten minutes ask the provider's support, with the last error."},
}

// networkFaults are the ways not to reach a server.
var networkFaults = map[string]words{
	string(machine.DetailDNSNoSuchHost): {
		message: "The database's host name does not exist.",
		wrong:   "The host name in DATABASE_URL does not exist: check its spelling now.",
		do:      "Waiting helps only if it worked before; restarting services does not help.",
		after:   "After five minutes copy the host anew from the dashboard's connection string."},
	string(machine.DetailDNSFailed): {
		message: "The database's host name could not be looked up.",
		wrong:   "The host name could not be looked up, though it may well exist: wait, this usually passes.",
		do:      "Restarting services does not help.",
		after:   "After five minutes look whether other names can be looked up from this machine, and at the platform's status page."},
	string(machine.DetailNoIPv6Route): {
		message: "The database's address is IPv6, and no way leads there.",
		wrong:   "The host has only an IPv6 address, and this machine has no way to IPv6: waiting never helps.",
		do:      "Use a host with IPv4, such as the shared pooler's, or switch on outbound IPv6 in the platform's settings.",
		after:   "If outbound IPv6 is on and this lasts, redeploy the sidecar alone: the switch counts from the next start."},
	string(machine.DetailConnectionRefused): {
		message: "Nobody listens at the database's address.",
		wrong:   "Somebody is at the address, but nobody listens on the port: the pooler does not run.",
		do:      "Wait; restarting services does not help.",
		after:   "After five minutes check the port in DATABASE_URL and the provider's status page."},
}

// tlsFaults are the ways not to agree on encryption.
var tlsFaults = map[string]words{
	string(machine.DetailTLSUnknownAuthority): {
		message: "The server's certificate is signed by nobody we trust.",
		wrong:   "The server's certificate is signed by an authority that the sidecar does not know: waiting does not help.",
		do: "Give it that authority's certificate: sslrootcert=FILE in DATABASE_URL, or its text in SIDECAR_SSLROOTCERT_PEM. " +
			"Do not turn encryption off.",
		after: "If the certificate is there and this lasts, somebody else may be answering for the server: ask a developer."},
	string(machine.DetailTLSExpired): {
		message: "The server's certificate is not valid now.",
		wrong:   "The server's certificate is not valid now: it has expired, or a clock is wrong.",
		do:      "Only the provider, or whoever runs the server, can renew it: change nothing in DATABASE_URL, restart nothing.",
		after:   "After ten minutes look at this machine's clock; if it is right, tell the provider's support."},
	string(machine.DetailTLSHostname): {
		message: "The server's certificate is for another host name.",
		wrong:   "The server's certificate is for another host name than DATABASE_URL has: waiting does not help.",
		do:      "Write the certificate's name into DATABASE_URL: `sidecar verify` shows it. Do not turn encryption off.",
		after:   "If the name is right and this lasts, somebody else may be answering for the server: ask a developer."},
	string(machine.DetailTLSRefused): {
		message: "The server offers no encryption.",
		wrong:   "The server offers no encryption, and DATABASE_URL demands it: waiting does not help.",
		do:      "Supabase's poolers always offer it: check host and port in DATABASE_URL.",
		after:   "If both are right and this lasts, something stands between: ask a developer, and do not turn encryption off."},
	string(machine.DetailTLSRequired): {
		message: "The server takes encrypted connections only.",
		wrong:   "The server takes encrypted connections only, and DATABASE_URL asks for none: waiting does not help.",
		do:      "Write sslmode=require into DATABASE_URL.",
		after:   "If sslmode is there and this lasts, `sidecar dsn check` shows which one is used."},
	string(machine.DetailTLSClientCertificate): {
		message: "The server wants a client certificate.",
		wrong:   "The server wants a client certificate, and the sidecar has none: neither waiting nor restarting helps.",
		do:      "Ask whoever runs the server for a login without one.",
		after:   "If there is none, this sidecar cannot watch that server: point DATABASE_URL to a pooler before it."},
}

// workedBefore are the words that differ when the database has answered before.
var workedBefore = map[string]words{
	string(machine.ReasonAuthFailed): {
		wrong: "The user name or password in DATABASE_URL was rejected, though it was accepted before: somebody has changed it. Waiting does not cure that."},
	string(machine.DetailDNSNoSuchHost): {
		wrong: "The host name in DATABASE_URL does not exist any more: wait, it may be moving.",
		do:    "Restarting services does not help."},
}

// variants are the words that differ by host.
var variants = map[Host]map[string]words{
	Shared: {
		string(machine.ReasonAuthFailed): {
			after: "Just after a change of the password the pooler may refuse the right one for a few seconds. " +
				"If it lasts longer, set a new password in the order of the runbook."},
	},
	DB: {
		string(machine.ReasonAuthFailed): {
			do: "Correct it in every service that uses it before you restart any of them. " +
				"On this host the second wrong password bans this address."},
		string(machine.DetailDNSNoSuchHost): {
			wrong: "The host name in DATABASE_URL does not exist: mostly the project is paused or deleted.",
			do:    "Look in the dashboard, resume it if it is paused, and compare the host's spelling. Waiting alone does not help.",
			after: "If the project runs and this lasts longer than five minutes, copy the host anew from its connection string."},
		string(machine.DetailConnectionRefused): {
			do:    "Wait; restarting services does not help. `sidecar bans` shows whether this address is banned.",
			after: "After five minutes look in the dashboard whether the project is paused, and at the provider's status page."},
	},
	Own: {
		string(machine.ReasonTenantNotFound): {
			wrong: "The pooler does not know the database or user in DATABASE_URL: neither waiting nor restarting helps.",
			do:    "Compare both with the pooler's own configuration.",
			after: "If both are there, the pooler has not read its configuration yet: reload it."},
		string(machine.DetailNotPostgreSQL): {
			do: "Correct host and port in DATABASE_URL."},
		string(machine.DetailAuthRule): {
			do:    "Allow it in the server's or the pooler's pg_hba.conf, and reload that.",
			after: "If all of that is allowed, this machine's address is another than you think: the last error names it."},
		string(machine.DetailNoDatabase): {
			do: "Correct the name behind the last slash, or add it to the pooler's list of databases."},
		string(machine.DetailPoolerLogin): {
			do:    "Leave DATABASE_URL as it is: correct what the pooler logs in with (its userlist or auth_user), and reload it.",
			after: "If that is right and this lasts, compare the method in pg_hba.conf with the secret that the pooler holds."},
		string(machine.DetailPoolerConfig): {
			do:    "Read the pooler's log, correct its configuration, and reload it.",
			after: "If it lasts longer than ten minutes after that, restart the pooler alone, once."},
		string(machine.DetailConnectionRefused): {
			do:    "Start the pooler, or wait for its restart; restarting services does not help.",
			after: "After five minutes read the pooler's log, and compare host and port with DATABASE_URL."},
		string(machine.DetailDNSNoSuchHost): {
			after: "After five minutes look whether the server has moved; a private name is known inside its own network only."},
		string(machine.DetailTLSRefused): {
			do:    "Switch TLS on at the server. Only for a pooler of your own, in development, sslmode=disable is right as well.",
			after: "If it offered encryption before, something stands between: ask a developer."},
		named: {
			do: "Correct what the pooler logs in with (its userlist or auth_user) now: that is no login. Change nothing else."},
	},
}
