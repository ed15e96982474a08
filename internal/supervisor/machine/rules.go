package machine

import "time"

// Next says when the next attempt may be made after a reason.
type Next string

// The schedules. Ladders double from their first to their last value.
const (
	NextNow      Next = "at once"
	NextInterval Next = "after the probe interval"
	NextWindow   Next = "after a window"
	NextShortest Next = "after the shortest window"
	NextHold     Next = "after a hold, or at once when the credential changes"
	NextReroute  Next = "60s doubling to 5m, or at once when the DSN changes"
	NextRetry    Next = "2s doubling to 60s, +-20 %"
	NextCautious Next = "60s doubling to 15m"
	NextNever    Next = "never, until the configuration changes"
)

// Rule is one row of the transition table: what a probe that ends with Reason
// leads to.
type Rule struct {
	Reason Reason
	State  State
	Next   Next
	From   string // what brings the reason about
}

// Rules is the transition table (docs/states.md#reasons). What a row cannot say stands
// beside the machine: the confirming probe in machine.go, the two spaced tries
// of a shared pooler in holds.go, which lockouts count in echo.go and ban.go.
var Rules = []Rule{
	{ReasonStarting, Starting, NextNow, "no verdict yet"},
	{ReasonStoreLost, Starting, NextShortest, "what was stored cannot be read, and may be a window"},
	{ReasonOK, Ready, NextInterval, "SELECT 1 returned 1"},
	{ReasonLockout, Lockout, NextWindow, "server_login_retry, query_wait_timeout, circuit_breaker, network_ban"},
	{ReasonAuthFailed, Rejected, NextHold, "the credential was rejected"},
	{ReasonTenantNotFound, Rejected, NextReroute, "the pooler cannot route user.ref"},
	{ReasonConfigRejected, Rejected, NextReroute, "database, privilege, parameter, address or tenant refused"},
	{ReasonSaturated, Retrying, NextRetry, "no connection slot is free"},
	{ReasonUnavailable, Retrying, NextRetry, "the server or the pooler is down or restarting"},
	{ReasonNetwork, Retrying, NextRetry, "the address does not answer"},
	{ReasonTimeout, Retrying, NextRetry, "no answer within the probe's time"},
	{ReasonTLS, Retrying, NextRetry, "the encrypted connection could not be set up"},
	{ReasonUnknown, Retrying, NextCautious, "a refusal in words we do not know; it may be a lockout"},
	{ReasonNoConfig, Misconfigured, NextNever, "no DSN is configured"},
	{ReasonInvalidDSN, Misconfigured, NextNever, "the DSN is incomplete, or can be read in more than one way"},
	{ReasonGuard, Misconfigured, NextNever, "the DSN guard refuses the DSN"},
	{ReasonWaiverExpired, Misconfigured, NextNever, "the waiver for the direct connection has ended"},
}

// RuleFor returns the row of a reason. A reason without a row cannot come from
// the classifier; it is treated as the cautious unknown.
func RuleFor(r Reason) Rule {
	for _, rule := range Rules {
		if rule.Reason == r {
			return rule
		}
	}
	return RuleFor(ReasonUnknown)
}

// Fixed delays that no variable changes (docs/states.md#delays).
const (
	ConfirmDelay = 2 * time.Second // second look before readiness drops

	RerouteFirst, RerouteLast   = 60 * time.Second, 5 * time.Minute
	CautiousFirst, CautiousLast = 60 * time.Second, 15 * time.Minute

	RetryJitter = 0.2
)
