package classify

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/classify/refusals"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// closed are the reasons that a failed probe can have.
var closed = []machine.Reason{
	machine.ReasonLockout, machine.ReasonAuthFailed, machine.ReasonTenantNotFound, machine.ReasonConfigRejected,
	machine.ReasonSaturated, machine.ReasonUnavailable, machine.ReasonNetwork, machine.ReasonTimeout,
	machine.ReasonTLS, machine.ReasonUnknown,
}

func FuzzClassify(f *testing.F) {
	for _, row := range refusals.All() {
		f.Add(row.SQLState, row.Message, row.User())
	}
	f.Add("08P01", cachedBegin+` database "x" is not currently accepting connections" does n`, "x")
	f.Add("XX000", "two\nlines\x00\x1b[31m\u202e\xff", "")
	f.Fuzz(func(t *testing.T, state, text, user string) {
		o := Classify(Failure{Err: &pgconn.PgError{Code: state, Message: text}, Step: machine.StepQuery, User: user})
		if !slices.Contains(closed, o.Reason) {
			t.Errorf("reason %q", o.Reason)
		}
		lockout := o.Reason == machine.ReasonLockout
		if lockout != slices.Contains(machine.Triggers, o.Trigger) || !lockout && o.Trigger != "" {
			t.Errorf("reason %q with trigger %q", o.Reason, o.Trigger)
		}
		if lockout && !speaksOfLockout(text) {
			t.Errorf("a lockout out of %q", text)
		}
		for _, line := range []string{o.Message, o.Cause, o.SQLState} {
			if !utf8.ValidString(line) || strings.ContainsFunc(line, unicode.IsControl) || utf8.RuneCountInString(line) > 300 {
				t.Errorf("not one clean line: %q", line)
			}
		}
	})
}

// speaksOfLockout is the rule of docs/facts.md#whole-phrases told once more, without the
// tables: a lockout stands at the beginning of the text, or of what PgBouncer remembers.
func speaksOfLockout(text string) bool {
	switch {
	case text == "query_wait_timeout", text == "pgbouncer cannot connect to server":
		return true
	case strings.HasPrefix(text, "(ECIRCUITBREAKER) too many authentication failures"):
		return true
	case strings.HasPrefix(text, "Circuit breaker open: "):
		return strings.HasPrefix(strings.ToLower(text[len("Circuit breaker open: "):]), "too many authentication ")
	}
	return strings.HasPrefix(text, "server login has been failing")
}
