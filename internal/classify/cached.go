package classify

import (
	"strings"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// PgBouncer's memory of a failed server login, from 1.24 on. The message is cut at 127
// bytes and the cause at 99, so the end may be missing (docs/facts.md#pgbouncer-cached-error).
const (
	cachedBegin  = "server login has been failing, cached error:"
	cachedEnd    = "(server_login_retry)"
	longestCause = 99
)

// cachedError takes the cause out of such a message and says whether it may
// have lost its end.
func cachedError(text string) (cause string, cut, ok bool) {
	cause, ok = strings.CutPrefix(text, cachedBegin)
	if !ok {
		return "", false, false
	}
	cause, whole := strings.CutSuffix(cause, cachedEnd)
	for n := len(cachedEnd) - 1; !whole && n > 0; n-- {
		if rest, found := strings.CutSuffix(cause, cachedEnd[:n]); found {
			cause = rest
			break
		}
	}
	cause = strings.TrimSpace(cause)
	return cause, !whole || len(cause) >= longestCause, true
}

// readCause reads what PgBouncer remembers, as if the server had said it just
// now and without a SQLSTATE. A rejected password is a lockout, whoever's it is:
// every knock makes the pooler log in with it again.
//
// A cause in words we do not know (another language, a name cut so short that
// two endings fit) is kept like no cause at all: a lockout, but one that opens a
// window only when it is still there after 20 s (docs/states.md#lockouts). `unknown` would go
// on knocking at a locked door; a lockout with a cause would turn a restart of a
// server that speaks German into a window. Its words are still in the message.
func readCause(cause string, cut bool) verdict {
	v, known := readText(cause, cut)
	switch {
	case !known:
		return loginRetry
	case v.reason == machine.ReasonAuthFailed:
		v = loginRetry
	case v.trigger == machine.TriggerServerLoginRetry:
		return v // a pooler behind the pooler: its own cause, or none, is the cause
	}
	v.cause = cause
	return v
}
