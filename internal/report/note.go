package report

import "dragonfly.internal/sidecar/internal/supervisor/machine"

const (
	askTwice = "PgBouncer may be answering from memory. Ask twice: sidecar probe --twice"
	// A restart of PostgreSQL reads the same (docs/facts.md#pgbouncer-restart).
	namesNoCause = "PgBouncer before 1.24 says the same after a restart of PostgreSQL. If there was one just now, ask once more when it is up."
)

// EchoNote is what to say below a lockout that may be an old one; "" for all else.
// vouched: somebody logged in within the last minute; twice: it was asked again.
func EchoNote(o machine.Outcome, vouched, twice bool) string {
	switch {
	case o.Trigger != machine.TriggerServerLoginRetry:
		return ""
	case !vouched && !twice:
		return askTwice
	case o.Cause == "":
		return namesNoCause
	}
	return ""
}
