package advice

import (
	"maps"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// words is what people read about one fault. {time} is when the next attempt is
// due, {left} the time until then, {dashboard} and {past} where to look.
type words struct {
	message  string // /readyz: what is going on; no host, user or ref
	wrong    string // what is wrong, and whether waiting helps
	do       string // what to do, and what not
	after    string // what to do when it lasts
	row      string // in a window: what another one in a row means
	rowAfter string // after, from the second window in a row on
}

// words picks those of the situation: the most telling of what is known.
func (s Situation) words() words {
	key := string(s.Reason)
	switch _, told := phrases[string(s.Detail)]; {
	case s.Barred != "":
		key = barred
	case s.Reason == "":
		key = broken
	case s.forgotten():
		key = unheard
	case s.Reason == machine.ReasonOK && s.Pending:
		key = pending
	case s.Reason == machine.ReasonLockout && s.State == machine.Retrying:
		key = echoed + s.lockout()
	case s.Reason == machine.ReasonLockout:
		key = s.lockout()
	case told:
		key = string(s.Detail)
	case s.Reason == machine.ReasonTimeout && (s.Step == machine.StepQuery || s.Step == machine.StepDial):
		key += string(s.Step)
	}
	w := phrases[key]
	if s.EverReady {
		w = w.with(workedBefore[key])
	}
	return w.with(variants[s.Host][key])
}

// lockout is the key of a lockout: its trigger, or that the pooler names a cause.
func (s Situation) lockout() string {
	if s.Trigger == machine.TriggerServerLoginRetry && s.Cause != "" {
		return named
	}
	return string(s.Trigger)
}

// The keys of [phrases] that are no reason, trigger or detail.
const (
	barred  = "barred"
	pending = "pending"
	broken  = "broken off"
	echoed  = "echo "
	named   = "named cause"
	unheard = "the fleet is not heard"
)

// newUnused is what to add while the DSN in the file cannot be used and the one from
// before is.
const newUnused = "No DSN can be taken from the file of DATABASE_URL_FILE now: correct what its finding names. The DSN from before stays in use."

// with is the words with those of other in their place, where other has any.
func (w words) with(other words) words {
	for _, part := range []struct{ ours, theirs *string }{
		{&w.message, &other.message}, {&w.wrong, &other.wrong}, {&w.do, &other.do},
		{&w.after, &other.after}, {&w.row, &other.row}, {&w.rowAfter, &other.rowAfter},
	} {
		if *part.theirs != "" {
			*part.ours = *part.theirs
		}
	}
	return w
}

// phrases holds the words of every reason, trigger and detail.
var phrases = merge(reasons, timeouts, configFaults, networkFaults, tlsFaults, windows, echoes)

func merge(tables ...map[string]words) map[string]words {
	all := make(map[string]words)
	for _, table := range tables {
		maps.Copy(all, table)
	}
	return all
}

var reasons = map[string]words{
	string(machine.ReasonStarting): {
		message: "The database has not answered yet.",
		wrong:   "The sidecar is asking the database for the first time: wait half a minute.",
		do:      "Do NOT restart it: every start is another login.",
		after:   "If it lasts longer than two minutes, show the sidecar's log to a developer."},
	string(machine.ReasonStoreLost): {
		message: "What was stored cannot be read, and it may have been a lockout.",
		wrong:   "The sidecar cannot read what it had stored, which may have been a lockout.",
		after:   "If you are sure that there is no lockout, set SIDECAR_CLEAR_BEFORE to the present time for the sidecar alone."},
	string(machine.ReasonOK): {
		message: "The database answers.",
		wrong:   "The database answers: nothing to do."},
	barred: {
		message: "The database answers.",
		wrong:   "The database answers, but DATABASE_URL is no longer allowed.",
		do:      "Correct it before the sidecar is restarted, or the next start is refused.",
		after:   "`sidecar dsn check` says what to change."},
	pending: {
		message: "The database answers.",
		wrong:   "The database answers."},
	broken: {
		wrong: "The attempt was broken off on this machine, so it says nothing about the database.",
		do:    "The error says what is missing here, such as descriptors or memory.",
		after: "If that is not to be found, show the error to a developer."},
	string(machine.ReasonAuthFailed): {
		message: "The password or user name was rejected.",
		wrong:   "The user name or password in DATABASE_URL was rejected: waiting does not cure a wrong one.",
		do:      "Correct it in every service that uses it before you restart any of them: every restart is another wrong login.",
		after:   "If the corrected one is rejected as well, set a new password in the order of the runbook."},
	string(machine.ReasonTenantNotFound): {
		message: "The pooler does not know this project or user.",
		wrong:   "The pooler does not know the project or user in DATABASE_URL: neither waiting nor restarting helps.",
		do:      "Look in the dashboard whether the project is paused; then compare user (NAME.REF), region and cluster with its connection string.",
		after:   "If all of that is right, `sidecar verify --find-region` asks every shared pooler for the project."},
	string(machine.ReasonConfigRejected): {
		message: "The server refused the connection's settings.",
		wrong:   "The server refuses something in DATABASE_URL or in the project's settings: neither waiting nor restarting helps.",
		do:      "Correct what the last error names.",
		after:   "If the last error names nothing that you can correct, show it to a developer."},
	string(machine.ReasonSaturated): {
		message: "No connection slot is free.",
		wrong:   "All connections are taken: wait, and do not start more services.",
		do:      "Look past the pool ({past}): the runbook's pg_stat_activity query shows who holds them.",
		after:   "If it lasts longer than ten minutes, stop or restart the one service that holds most of them."},
	string(machine.ReasonUnavailable): {
		message: "The database or the pooler is down or restarting.",
		wrong:   "The database, or the pooler before it, is down or restarting: wait, it usually comes back by itself.",
		do:      "Restarting services does not help.",
		after:   "After ten minutes look {dashboard} whether the database runs, is paused, or has no space left."},
	string(machine.ReasonNetwork): {
		message: "The database's address cannot be reached.",
		wrong:   "The database's address cannot be reached, or hangs up: wait, it usually comes back by itself.",
		do:      "Restarting services does not help.",
		after:   "After five minutes check the host name in DATABASE_URL and the provider's status page."},
	string(machine.ReasonTimeout): {
		message: "The database did not answer in time.",
		wrong:   "The pooler takes the connection and then says nothing: it may be overloaded, or the database behind it is down.",
		do:      "Wait, and do not restart services: that adds load.",
		after:   "After ten minutes look {dashboard} whether the database runs, is paused or is full."},
	string(machine.ReasonTLS): {
		message: "The encrypted connection could not be set up.",
		wrong:   "The encrypted connection cannot be set up: waiting or restarting rarely helps.",
		do:      "`sidecar verify` shows what fails. Do not turn encryption off.",
		after:   "After ten minutes ask whoever runs the server, with the last error."},
	string(machine.ReasonUnknown): {
		message: "The server refused in words that are not known.",
		wrong:   "The server refuses in words that this program does not know, which may be a lockout.",
		do:      "Wait, and do NOT restart services.",
		after:   "If it lasts longer than half an hour, show the last error to a developer."},
	unheard: {
		message: "What the fleet's leader said is too old to trust: the store does not answer.",
		wrong:   "This sidecar follows another one, and hears of it through Redis. That has not answered for more than a minute: what was heard last is too old to trust.",
		do:      "See that Redis runs and can be reached from here, and do NOT restart services.",
		after:   "If the sidecar that leads still answers, its page says how the database is."},
	string(machine.ReasonNoConfig): {
		message: "No DSN is configured.",
		wrong:   "DATABASE_URL is not set, so nothing is asked: waiting does not help.",
		do:      "Set it for the sidecar and redeploy the sidecar alone.",
		after:   "If DATABASE_URL is set, the sidecar was started before that: redeploy it alone."},
	string(machine.ReasonInvalidDSN): {
		message: "The DSN cannot be read safely. No connection attempts until it is corrected.",
		wrong:   "DATABASE_URL is incomplete or can be read in more than one way, so it is not used: waiting does not help.",
		do:      "Correct what the finding names and redeploy the sidecar alone.",
		after:   "If you cannot see what is wrong, `sidecar dsn build` writes a string that works."},
	string(machine.ReasonGuard): {
		message: "The DSN guard refuses the DSN. No connection attempts until it is corrected.",
		wrong:   "DATABASE_URL does not fit this environment or breaks a safety rule, so it is not used: waiting does not help.",
		do:      "Correct what the finding names and redeploy the sidecar alone.",
		after:   "If the string is right, look whether SUPABASE_MODE names the right environment."},
	string(machine.ReasonWaiverExpired): {
		message: "The waiver for the direct connection has ended. No connection attempts until the DSN or the waiver changes.",
		wrong:   "The permission to connect directly has ended, so nothing is asked: waiting does not help.",
		do:      "Go back to the pooler's connection string, or set a new SIDECAR_WAIVER_EXPIRES and SIDECAR_WAIVER_REASON; redeploy the sidecar alone.",
		after:   "If the pooler does not work yet, `sidecar verify` with its string says why."},
}

// timeouts differ by how far the probe came.
var timeouts = map[string]words{
	string(machine.ReasonTimeout) + string(machine.StepDial): {
		message: "The database's address did not answer in time.",
		wrong:   "Nothing answers at the database's address: a firewall, a paused project, or a network that is down.",
		do:      "Wait; restarting services does not help.",
		after:   "After five minutes check host and port in DATABASE_URL, and {dashboard} whether the database runs."},
	string(machine.ReasonTimeout) + string(machine.StepQuery): {
		message: "The login went through, but the query got no answer in time.",
		wrong:   "The login goes through, but no query is answered: all connections of the pool may be held, or the database hangs.",
		do:      "Wait, and do not restart services: that adds load.",
		after: "After ten minutes look past the pool ({past}): the runbook's pg_stat_activity query shows who holds them. " +
			"Stop or restart that one service."},
}
