package classify

import (
	"strings"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// PgBouncer's memory of a failed server login (docs/facts.md#pgbouncer-cached-error).
// The whole is cut at 127 bytes and the cause at 99, so the end may be missing.
const (
	memoryBegin  = "server login has been failing"
	causeBegin   = ", cached error:"
	memoryEnd    = "(server_login_retry)"
	longestCause = 99
)

// readMemory reads such a message, and reports whether it is one. Up to 1.23 it
// names no cause.
func readMemory(text string, cut bool) (verdict, bool) {
	rest, ok := cutPrefix(text, memoryBegin)
	if !ok {
		return verdict{}, false
	}
	cause, stated := cutPrefix(rest, causeBegin)
	switch {
	case stated:
		return readCause(cutMemoryEnd(cause)), true
	case (cut || len(rest) > len(", ")) && strings.EqualFold(rest, causeBegin[:min(len(rest), len(causeBegin))]):
		return lostCause, true // there was a cause, or may have been
	}
	return loginRetry, true
}

// lostCause is a cause that was named and did not arrive.
var lostCause = verdict{reason: machine.ReasonUnavailable, decides: true}

// cutMemoryEnd takes off what is left of the message's end, and says whether the
// cause itself may have lost its own.
func cutMemoryEnd(text string) (cause string, cut bool) {
	for n := len(memoryEnd); n >= 0; n-- {
		if rest, ok := cutSuffix(text, memoryEnd[:n]); ok {
			cause = strings.TrimSpace(rest)
			return cause, n < len("(server_") || len(cause) >= longestCause
		}
	}
	return text, true
}

// readCause reads what PgBouncer remembers, as if the server had said it just
// now and without a SQLSTATE (docs/facts.md#pgbouncer-causes). A refused
// credential is a lockout, whoever's it is: every knock makes the pooler log in
// with it again. All else that is named opens no window. In words that we do not
// know the database is away: a server that starts up in German is not locked.
func readCause(cause string, cut bool) verdict {
	if isAbsent(cause) {
		if cut {
			return lostCause
		}
		return loginRetry
	}
	v, known := readText(cause, cut)
	switch {
	case v.trigger == machine.TriggerServerLoginRetry:
		return v // a pooler behind the pooler: its own cause, or none, is the cause
	case v.reason == machine.ReasonAuthFailed:
		v = loginRetry
	case !known, v.trigger == machine.TriggerQueryWaitTimeout: // the pool behind was full for a moment
		v = unavailable
	}
	v.cause, v.decides = cause, true
	return v
}

// isAbsent reports whether no cause is named. "CAUSE" is what descriptions of
// the message write in its place.
func isAbsent(cause string) bool { return cause == "" || cause == "CAUSE" }
