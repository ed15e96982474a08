package supervisor

import (
	"strconv"
	"strings"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// words is what people read about a reason. When the next attempt is due is added
// to both: {time} is its wall clock, {left} the seconds until then.
type words struct {
	message string // /readyz: what is going on; no host, user or ref
	advice  string // what is wrong, whether waiting is right, what not to do; no full stop
}

// phrases holds the words of every reason; the lockout's depend on more and
// stand below.
var phrases = map[machine.Reason]words{
	machine.ReasonStarting: {
		"The database has not answered yet.",
		"The sidecar is asking the database for the first time: wait half a minute and do NOT restart it, because every start is another login"},
	machine.ReasonStoreLost: {
		"What was stored cannot be read, and it may have been a lockout.",
		"The sidecar cannot read what it had stored, which may have been a lockout, so it makes no attempt for the length of the shortest one: wait, and do NOT restart services, because every restart is another login; whoever is sure that there is no lockout sets SIDECAR_CLEAR_BEFORE to the present time for the sidecar alone"},
	machine.ReasonOK: {
		"The database answers.",
		"The database answers: nothing to do"},
	machine.ReasonAuthFailed: {
		"The password or user name was rejected.",
		"The user name or password in DATABASE_URL was rejected, and waiting does not cure a wrong one: correct it in every service that uses it, and do NOT restart any of them before, because every restart is another wrong login"},
	machine.ReasonTenantNotFound: {
		"The pooler does not know this project or user.",
		"The pooler does not know the project in DATABASE_URL, and neither waiting nor restarting helps: look in the dashboard whether the project is paused, then compare user (NAME.REF), region and cluster (aws-0 or aws-1) with its connection string"},
	machine.ReasonConfigRejected: {
		"The server refused the connection's settings.",
		"The server refuses something in DATABASE_URL or in the project's settings (database name, permission, parameter, network address, certificate, the password of the pooler itself), and neither waiting nor restarting helps: correct what the last attempt's error names"},
	machine.ReasonSaturated: {
		"No connection slot is free.",
		"All connections are taken: wait, do not start or restart services, and if it lasts longer than ten minutes stop the service that holds most of them"},
	machine.ReasonUnavailable: {
		"The database or the pooler is down or restarting.",
		"The database is down or restarting: wait, it usually comes back by itself and restarting services does not help; after ten minutes look in the dashboard whether the project is paused"},
	machine.ReasonNetwork: {
		"The database's address does not answer.",
		"The database's address cannot be reached: wait, restarting services does not help; after five minutes check the host name in DATABASE_URL and the provider's status page"},
	machine.ReasonTimeout: {
		"The database did not answer in time.",
		"The database does not answer in time: wait, it may be overloaded or restarting; do not restart services, that adds load"},
	machine.ReasonTLS: {
		"The encrypted connection could not be set up.",
		"The encrypted connection cannot be set up, and waiting or restarting rarely helps: check sslmode and the certificate in DATABASE_URL, and do not turn encryption off"},
	machine.ReasonUnknown: {
		"The server refused in words that are not known.",
		"The server refuses in words this program does not know, which may be a lockout: wait, do NOT restart services, and show the last attempt's error to a developer"},
	machine.ReasonNoConfig: {
		"No DSN is configured.",
		"DATABASE_URL is not set, so nothing is asked: set it for the sidecar and redeploy the sidecar alone; waiting does not help"},
	machine.ReasonInvalidDSN: {
		"The DSN cannot be read safely. No connection attempts until it is corrected.",
		"DATABASE_URL is incomplete or can be read in more than one way, so it is not used: correct what the finding names and redeploy the sidecar alone; waiting does not help"},
	machine.ReasonGuard: {
		"The DSN guard refuses the DSN. No connection attempts until it is corrected.",
		"DATABASE_URL does not fit this environment or breaks a safety rule, so it is not used: correct what the finding names and redeploy the sidecar alone; waiting does not help"},
	machine.ReasonWaiverExpired: {
		"The waiver for the direct connection has ended. No connection attempts until the DSN or the waiver changes.",
		"The permission to connect directly has ended: use the pooler's connection string, or renew SIDECAR_WAIVER_EXPIRES and SIDECAR_WAIVER_REASON, then redeploy the sidecar alone; waiting does not help"},
}

const (
	askAgain    = "; the sidecar asks again at {time}."
	askingNow   = "; the sidecar is asking again right now."
	lockedOut   = "Wait 15+ minutes before retrying. Do NOT restart services." // docs/seed.md#report
	waitAdvice  = "Wait until {time}. Do NOT restart services: every restart is another login."
	trialWords  = "The lockout backoff is over. The one trial is under way."
	trialAdvice = "The waiting time is over and the sidecar is trying once: wait half a minute, and do NOT restart services yet."
	echoMessage = "The pooler reports a lockout that may be an old one. Looking again in {left}."
	echoAdvice  = "The pooler reports a lockout that may be an old one: wait half a minute while the sidecar looks again, and do NOT restart services."
)

// windowWords say what is wrong inside a window and what to do meanwhile, and
// what to add from the second window in a row.
var windowWords = map[machine.Trigger]struct{ meanwhile, again string }{
	machine.TriggerServerLoginRetry: {" The pooler cannot log in to the database" + checkPassword, wrongInPooler},
	machine.TriggerCircuitBreaker:   {" The pooler blocks everybody after too many wrong passwords" + checkPassword, wrongElsewhere},
	machine.TriggerNetworkBan:       {" The database has banned this address after wrong passwords" + checkPassword, wrongElsewhere},
	machine.TriggerQueryWaitTimeout: {
		" All of the pool's connections are taken: meanwhile find out what holds them, and do not start more services.",
		" This is not the first window in a row: somebody else still logs in and keeps the pool full; find that service and stop it."},
}

const (
	checkPassword  = ": meanwhile find the right password, but save it in DATABASE_URL only after that time, because saving restarts the service."
	wrongInPooler  = " This is not the first window in a row: somebody else still logs in with a wrong password (or DATABASE_URL itself has one, or the pooler has the old one of the database); find that service and stop it."
	wrongElsewhere = " This is not the first window in a row: somebody else still logs in with a wrong password (or DATABASE_URL itself has one); find that service and stop it."
)

// Message is the sentence of /readyz at that time.
func (s *Snapshot) Message(now time.Time) string {
	switch {
	case s.State == machine.Lockout && s.Remaining(now) == 0:
		return trialWords
	case s.State == machine.Lockout:
		return backoffLine(s.Remaining(now))
	case s.Reason == machine.ReasonLockout:
		return s.fill(echoMessage, now)
	}
	message := phrases[s.Reason].message
	switch next := machine.RuleFor(s.Reason).Next; {
	case s.RetryAt().IsZero():
	case s.Remaining(now) == 0:
		message += " The next attempt is under way."
	case next == machine.NextHold:
		message += " Next attempt in {left}, or at once when the credential changes."
	case next == machine.NextReroute:
		message += " Next attempt in {left}, or at once when the DSN changes."
	default:
		message += " Next attempt in {left}."
	}
	return s.fill(message, now)
}

// Advice tells somebody who is not an engineer what to do at that time.
func (s *Snapshot) Advice(now time.Time) string {
	switch {
	case s.State == machine.Lockout && s.Remaining(now) == 0:
		return trialAdvice
	case s.State == machine.Lockout:
		advice := waitAdvice + windowWords[s.Trigger].meanwhile
		if s.WindowsInRow > 1 {
			advice += windowWords[s.Trigger].again
		}
		return s.fill(advice, now)
	case s.Reason == machine.ReasonLockout:
		return s.fill(echoAdvice, now)
	}
	advice := phrases[s.Reason].advice
	switch {
	case s.RetryAt().IsZero():
		advice += "."
	case s.Remaining(now) == 0:
		advice += askingNow
	default:
		advice += askAgain
	}
	return s.fill(advice, now)
}

// Guidance is the advice on a reason for somebody who asked once and has no
// sidecar that asks again.
func Guidance(r machine.Reason) string {
	if r == machine.ReasonLockout {
		return lockedOut
	}
	return phrases[r].advice + "."
}

// RetryTime is the next attempt on the reader's wall clock, rounded up to the
// second so that nobody is early; zero when there is none.
func (s *Snapshot) RetryTime(now time.Time) time.Time {
	retry := s.RetryAt()
	if retry.IsZero() {
		return retry
	}
	at := now.Add(retry.Sub(now)).UTC()
	if whole := at.Truncate(time.Second); whole.Before(at) {
		return whole.Add(time.Second)
	}
	return at
}

// Remaining is the time until the next attempt, never below zero.
func (s *Snapshot) Remaining(now time.Time) time.Duration {
	if s.RetryAt().IsZero() {
		return 0
	}
	return max(0, s.RetryAt().Sub(now))
}

// left is a remaining time in a sentence: the minutes only when there are any.
func left(d time.Duration) string {
	if d < time.Minute {
		return strconv.FormatInt(machine.CeilSeconds(d), 10) + "s"
	}
	return machine.Seconds(d)
}

func (s *Snapshot) fill(sentence string, now time.Time) string {
	return strings.NewReplacer(
		"{time}", s.RetryTime(now).Format("15:04:05 UTC"),
		"{left}", left(s.Remaining(now)),
	).Replace(sentence)
}
