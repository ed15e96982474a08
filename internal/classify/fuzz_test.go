package classify

import (
	"regexp"
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
	f.Add("08P01", memoryBegin+causeBegin+` database "x" is not currently accepting connections" does n`, "x")
	f.Add("53300", "FATAL:  odyssey: c1: Server Login Has Been Failing, cached error: Error: Password authentication failed for", "")
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
// tables: a lockout stands at the beginning of the text, behind severities at most.
func speaksOfLockout(text string) bool {
	text = strings.ToLower(text)
	for {
		before := text
		for _, prefix := range []string{"fatal:", "error:", "panic:"} {
			if rest, ok := strings.CutPrefix(text, prefix); ok {
				text = strings.TrimLeft(rest, " ")
			}
		}
		if named := odysseyName.FindString(text); named != "" {
			text = strings.TrimLeft(text[len(named):], " ")
		}
		if text == before {
			break
		}
	}
	cause, stated := strings.CutPrefix(text, "server login has been failing, cached error:")
	if stated {
		cause = strings.TrimSpace(cause)
		return cause == "" || strings.HasPrefix(cause, "(server_login") || strings.HasPrefix(cause, "cause") || speaksOfRefusal(cause)
	}
	for _, begin := range []string{
		"query_wait_timeout", "pgbouncer cannot connect to server", "server_login_retry", "server login has been failing",
		"(ecircuitbreaker) too many authentication ", "circuit breaker open: too many authentication ",
	} {
		if strings.HasPrefix(text, begin) {
			return true
		}
	}
	return false
}

var odysseyName = regexp.MustCompile(`^odyssey: [^ ]*?: `)

// speaksOfRefusal reports whether a cause holds words of a refused credential, or
// of a lockout behind the pooler. They are looked for anywhere, so it says yes
// more often than the classifier may.
func speaksOfRefusal(cause string) bool {
	if speaksOfLockout(cause) {
		return true
	}
	for _, word := range []string{
		"authentication failed", "auth failed", "no such user", "password", "role \"", "user not found", "unauthorized",
		"credentials", "incorrect user", "invalid username", "(ejit", "(ewrong",
		"passwort", "autentificación", "mot de passe", "autenticazione", "パスワード", "პაროლით", "autenticação", "подлинности", "подли",
		"lösenord", "автентифікацію", "автен", "пройш", "прош",
	} {
		if strings.Contains(cause, word) {
			return true
		}
	}
	return false
}
