package machine

import "time"

// Outcome is what one probe found: the classifier's verdict and the facts it
// rests on. The zero value (no reason) is a probe that was broken off.
type Outcome struct {
	Reason   Reason
	Trigger  Trigger // set with ReasonLockout only
	Cause    string  // the server error PgBouncer remembers; empty when it named none
	Step     Step    // where it failed; empty on success, and when nothing was dialled
	SQLState string  // as sent by the peer; empty when there was no error response
	Message  string  // the refusal in the peer's words, scrubbed of secrets
	Latency  time.Duration

	// Refused: the connect itself was refused (ECONNREFUSED) at every address,
	// which on a db.* host may be a ban (docs/facts.md#db-host-ban).
	Refused bool
	// Slow: a breaker that a dead database fed; the next try waits Policy.Retry.Max.
	Slow bool
	// Knocked: a startup message went out, which the pooler sees as a login.
	Knocked bool
	// Dialled is when the first socket was opened; zero when none was.
	Dialled time.Time
}
