// Package classify says what a refusal means. It reads what a peer or the driver
// said, and opens nothing.
package classify

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Failure is one failed probe as it came back from pgconn.
type Failure struct {
	Err  error        // from pgconn.ConnectConfig or the query
	Step machine.Step // how far it came

	// User is the role as the server would print it. Another role's rejected
	// password is the pooler's own. Empty: names are not compared.
	User string

	// Greeting are the first bytes that came from the peer, up to
	// [LongestGreeting]. Empty: nothing came, or nobody looked.
	Greeting []byte

	// Notice is the last one before the connection broke: an immediate shutdown
	// says why only there (docs/facts.md#shutdown-notice).
	Notice *pgconn.Notice
}

// Classify says what a failed probe means. The peer's own refusal counts first,
// then what this side saw of the connection. A probe that was broken off from
// here, or that has no error at all, says nothing and has no reason.
//
// The severity of a refusal is never asked: Supavisor from 2.9 on sends no V field
// (docs/facts.md#supavisor-severity), and the localized one comes in any language.
func Classify(f Failure) machine.Outcome {
	o := machine.Outcome{Step: f.Step}
	refusal, refused := errors.AsType[*pgconn.PgError](f.Err)
	switch {
	case refused:
		v := readRefusal(refusal, f.User)
		o.SQLState = wellFormed(refusal.Code)
		return fill(o, v, refusal.Message)
	case f.Err == nil, errors.Is(f.Err, context.Canceled):
		return o
	case isUnreadable(f.Err):
		return fill(o, configRejected, unreadableWords)
	}
	if v, words, ok := readGreeting(f.Greeting); ok {
		return fill(o, v, words)
	}
	v, words := readBroken(f.Err)
	if v == networkFault && tellsShutdown(f.Notice) {
		v, words = unavailable, f.Notice.Message
	}
	o.Refused = refusedEverywhere(f.Err)
	if o.Refused {
		v.detail = machine.DetailConnectionRefused
	}
	return fill(o, v, words)
}

// fill puts a verdict and the words it rests on into an outcome.
func fill(o machine.Outcome, v verdict, words string) machine.Outcome {
	o.Reason, o.Trigger, o.Detail, o.Slow = v.reason, v.trigger, v.detail, v.slow
	o.Cause, o.Message = OneLine(v.cause), OneLine(words)
	return o
}

// unreadableWords stand for pgconn's own, which carry tails of passwords
// (docs/facts.md#errors-with-passwords).
const unreadableWords = "the driver cannot read the connection settings"

// isUnreadable reports whether pgconn refused the settings before any dial.
func isUnreadable(err error) bool {
	_, ok := errors.AsType[*pgconn.ParseConfigError](err)
	return ok
}

// tellsShutdown reports whether a notice explains why the server went away. No
// notice can say anything worse: whatever a function raises arrives as one too.
func tellsShutdown(n *pgconn.Notice) bool {
	if n == nil {
		return false
	}
	s, ok := lookUpState(n.Code)
	return ok && s.verdict == unavailable && s.code[:2] == "57"
}
