package proxy

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"dragonfly.internal/sidecar/internal/proxy/budget"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// SQLSTATEs of a refusal.
const (
	cannotConnectNow   = "57P03"
	tooManyConnections = "53300"
)

// refusal is the message that ends a connection. No host, user or ref is in it.
func refusal(code, message, detail, hint string) *pgproto3.ErrorResponse {
	return &pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: code, Message: message, Detail: detail, Hint: hint}
}

// closedWords say what /readyz says.
func closedWords(s *supervisor.Snapshot, now time.Time) *pgproto3.ErrorResponse {
	if s.Stopping {
		return refusal(cannotConnectNow, "The sidecar is stopping.", "reason: stopping", "Connect again in a few seconds.")
	}
	detail := "reason: " + string(s.Reason)
	if s.Trigger != "" {
		detail += " (" + string(s.Trigger) + ")"
	}
	return refusal(cannotConnectNow, s.Message(now), detail, s.Advice(now))
}

// budgetWords say why a login is not let through although the database is ready.
func budgetWords(a budget.Answer, now time.Time) *pgproto3.ErrorResponse {
	left := machine.Seconds(max(0, a.Until.Sub(now)))
	switch a.Admission {
	case budget.Held:
		return refusal(cannotConnectNow,
			"this service's own logins were refused; the next one is let through in "+left+".",
			"reason: held",
			"The database is up, and other services reach it. Correct the user name and password in this service's DATABASE_URL, and do NOT restart it before: every start is another wrong login.")
	case budget.Spent:
		return refusal(cannotConnectNow,
			"too many logins were refused, and more would lock everybody out; the next one is let through in "+left+".",
			"reason: budget",
			"If this service's own logins were refused, correct its DATABASE_URL. Else wait: another service has a wrong password, and the sidecar's /status names it.")
	}
	return refusal(cannotConnectNow,
		"too many logins are under way.", "reason: budget",
		"The pooler is slow to answer logins: wait, the service connects by itself as soon as one of them is through.")
}

// tooMany says that the proxy is full.
func tooMany(most int) *pgproto3.ErrorResponse {
	return refusal(tooManyConnections,
		fmt.Sprintf("the sidecar's proxy has all of its %d connections in use", most),
		"reason: SIDECAR_PROXY_MAX", "Close connections that are idle, or raise SIDECAR_PROXY_MAX.")
}

// loopWords say that the proxy would dial itself.
func loopWords() *pgproto3.ErrorResponse {
	return refusal(cannotConnectNow, errLoop.Error()+".", "reason: loop",
		"Only the apps' DATABASE_URL has the proxy's address; the sidecar's own keeps the pooler's.")
}

// unreachable says that the database could not be dialled.
func unreachable() *pgproto3.ErrorResponse {
	return refusal(cannotConnectNow, "The database's address does not answer.", "reason: network",
		"Wait, restarting services does not help; the sidecar's /status says more.")
}
