package supervisor

import (
	"strings"
	"time"
)

// words is what people read about a reason. In both sentences {time} is the wall
// clock of the next attempt, {left} the seconds until then.
type words struct {
	message string // /readyz: what is going on; no host, user or ref
	advice  string // what is wrong, whether waiting is right, what not to do; no full stop
}

// phrases holds the words of every reason; the lockout's depend on more and
// stand below.
var phrases = map[Reason]words{
	ReasonStarting: {
		"The database has not answered yet.",
		"The sidecar has just started and is asking the database for the first time: wait a few seconds"},
	ReasonOK: {
		"The database answers.",
		"The database answers: nothing to do"},
	ReasonAuthFailed: {
		"The password or user name was rejected. Next attempt in {left}, or at once when the credential changes.",
		"The database rejected the password or the user name, and waiting does not cure that: correct DATABASE_URL and do NOT restart services before, because every restart is another wrong login"},
	ReasonTenantNotFound: {
		"The pooler does not know this project or user. Next attempt in {left}, or at once when the DSN changes.",
		"The pooler does not know the project in DATABASE_URL: compare user (postgres.REF), region and cluster (aws-0 or aws-1) with the dashboard's connection string, and see whether the project is paused; waiting does not help, restarting neither"},
	ReasonConfigRejected: {
		"The server refused the connection's settings. Next attempt in {left}, or at once when the DSN changes.",
		"What DATABASE_URL asks for is refused (database name, privilege, parameter, network address or certificate file): read the last error, correct it there, and do not restart services over and over"},
	ReasonSaturated: {
		"No connection slot is free. Next attempt in {left}.",
		"All connections are taken: wait, and stop what holds too many of them; do not start more services"},
	ReasonUnavailable: {
		"The database or the pooler is down or restarting. Next attempt in {left}.",
		"The database is down or restarting: wait, it usually comes back by itself; restarting services does not help"},
	ReasonNetwork: {
		"The database's address does not answer. Next attempt in {left}.",
		"The database's address cannot be reached: wait a minute, then check the host name in DATABASE_URL and the provider's status page; restarting services does not help"},
	ReasonTimeout: {
		"The database did not answer in time. Next attempt in {left}.",
		"The database does not answer in time: wait, it may be overloaded or restarting; do not restart services, that adds load"},
	ReasonTLS: {
		"The encrypted connection could not be set up. Next attempt in {left}.",
		"The encrypted connection cannot be set up: check sslmode and the certificate in DATABASE_URL; waiting rarely helps, restarting neither"},
	ReasonUnknown: {
		"The server refused in words that are not known. Next attempt in {left}.",
		"The server refuses in words this program does not know, which may be a lockout: wait, read the last error, and do NOT restart services"},
	ReasonNoConfig: {
		"No DSN is configured.",
		"DATABASE_URL is not set: set it and redeploy the sidecar; until then nothing is asked"},
	ReasonInvalidDSN: {
		"The DSN cannot be read safely. No connection attempts until it is corrected.",
		"DATABASE_URL cannot be read in one way only, so it is not used: correct what the finding names and redeploy; waiting does not help"},
	ReasonGuard: {
		"The DSN guard refuses the DSN. No connection attempts until it is corrected.",
		"DATABASE_URL breaks a safety rule, so it is not used: correct what the finding names and redeploy; waiting does not help"},
	ReasonWaiverExpired: {
		"The waiver for the direct connection has ended. No connection attempts until the DSN changes.",
		"The permission to connect directly has ended: use the pooler's connection string or renew the waiver, then redeploy; waiting does not help"},
}

const (
	askAgain    = "; the sidecar asks again at {time}."
	lockedOut   = "Wait 15+ minutes before retrying. Do NOT restart services." // seed 4.4
	waitAdvice  = "Wait until {time}. Do NOT restart services: every restart is another login."
	trialWords  = "The lockout backoff is over. The one trial is under way."
	trialAdvice = "The waiting time is over and the sidecar is trying once: wait a few seconds, and do NOT restart services yet."
	echoMessage = "The pooler reports a lockout that may be over. Looking again in {left}."
	echoAdvice  = "The pooler reports a lockout that may be over already: wait until {time} for the second look, and do NOT restart services."
)

// windowWords are what to do inside a window besides waiting: meanwhile, and
// from the second window in a row.
var windowWords = map[Trigger]struct{ meanwhile, again string }{
	TriggerServerLoginRetry: {checkPassword, wrongElsewhere},
	TriggerCircuitBreaker:   {checkPassword, wrongElsewhere},
	TriggerNetworkBan:       {checkPassword, wrongElsewhere},
	TriggerQueryWaitTimeout: {
		" Meanwhile find out what holds the pool's connections.",
		" This is not the first window in a row: somebody else still logs in and keeps the pool full; find that service and stop it."},
}

const (
	checkPassword  = " Meanwhile check the password in DATABASE_URL: waiting alone does not cure a wrong one."
	wrongElsewhere = " This is not the first window in a row: somebody else still logs in with a wrong password; find that service and stop it."
)

// Message is the sentence of /readyz at that time.
func (s *Snapshot) Message(now time.Time) string {
	switch {
	case s.State == Lockout && s.Remaining(now) == 0:
		return trialWords
	case s.State == Lockout:
		return backoffLine(s.Remaining(now))
	case s.Reason == ReasonLockout:
		return s.fill(echoMessage, now)
	}
	return s.fill(phrases[s.Reason].message, now)
}

// Advice tells somebody who is not an engineer what to do at that time.
func (s *Snapshot) Advice(now time.Time) string {
	switch {
	case s.State == Lockout && s.Remaining(now) == 0:
		return trialAdvice
	case s.State == Lockout:
		advice := waitAdvice + windowWords[s.Trigger].meanwhile
		if s.WindowsInRow > 1 {
			advice += windowWords[s.Trigger].again
		}
		return s.fill(advice, now)
	case s.Reason == ReasonLockout:
		return s.fill(echoAdvice, now)
	}
	advice := phrases[s.Reason].advice + "."
	if !s.RetryAt().IsZero() {
		advice = phrases[s.Reason].advice + askAgain
	}
	return s.fill(advice, now)
}

// Guidance is the advice on a reason for somebody who asked once and has no
// sidecar that asks again.
func Guidance(r Reason) string {
	if r == ReasonLockout {
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

func (s *Snapshot) fill(sentence string, now time.Time) string {
	return strings.NewReplacer(
		"{time}", s.RetryTime(now).Format("15:04:05 UTC"),
		"{left}", Seconds(s.Remaining(now)),
	).Replace(sentence)
}
