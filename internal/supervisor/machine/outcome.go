package machine

import "time"

// Outcome is what one probe found: the classifier's verdict and the facts it
// rests on. The zero value (no reason) is a probe that was broken off.
type Outcome struct {
	Reason   Reason        `json:"reason"`
	Trigger  Trigger       `json:"trigger,omitzero"`  // set with ReasonLockout only
	Detail   Detail        `json:"detail,omitzero"`   // which fault of that reason, where it is known
	Cause    string        `json:"cause,omitzero"`    // the server error PgBouncer remembers; empty when it named none
	Step     Step          `json:"step,omitzero"`     // where it failed; empty on success, and when nothing was dialled
	SQLState string        `json:"sqlstate,omitzero"` // as sent by the peer; empty when there was no error response
	Message  string        `json:"message,omitzero"`  // the refusal in the peer's words, scrubbed of secrets
	Latency  time.Duration `json:"latency,omitzero"`

	// Refused: the connect itself was refused (ECONNREFUSED) at every address,
	// which on a db.* host may be a ban (docs/facts.md#db-host-ban).
	Refused bool `json:"-"`
	// Slow: a breaker that a dead database fed; the next try waits Policy.Retry.Max.
	Slow bool `json:"-"`
	// Own: a fault of our own side, such as no free descriptor, broke the probe off;
	// it has no reason, and Message says what is missing here.
	Own bool `json:"-"`
	// Knocked: a startup message went out, which the pooler sees as a login.
	Knocked bool `json:"-"`
	// Dialled is when the first socket was opened; zero when none was.
	Dialled time.Time `json:"-"`
}
