package classify

import (
	"strings"
	"testing"

	"dragonfly.internal/sidecar/internal/classify/refusals"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// lockoutWords are texts that tell a lockout by themselves.
var lockoutWords = map[string]machine.Trigger{
	`server login has been failing`:                                       machine.TriggerServerLoginRetry,
	`server login has been failing, try again later (server_login_retry)`: machine.TriggerServerLoginRetry,
	`pgbouncer cannot connect to server`:                                  machine.TriggerServerLoginRetry,
	`server_login_retry`:                                                  machine.TriggerServerLoginRetry,
	`server_login_retry exceeded`:                                         machine.TriggerServerLoginRetry,
	`query_wait_timeout`:                                                  machine.TriggerQueryWaitTimeout,
	`Circuit breaker open: Too many authentication errors`:                machine.TriggerCircuitBreaker,
	`(ECIRCUITBREAKER) too many authentication failures, new connections are temporarily blocked`: machine.TriggerCircuitBreaker,
	memory(`password authentication failed for user "app"`):                                       machine.TriggerServerLoginRetry,
	memory(`SASL authentication failed`):                                                          machine.TriggerServerLoginRetry,
}

// spellings are how a text may come: Supavisor has changed its case twice, and
// tools and poolers put the severity before it.
func spellings(text string) []string {
	return []string{
		text, strings.ToUpper(text), strings.ToLower(text),
		"FATAL: " + text, "FATAL:  " + text, "fatal:" + text, "ERROR: " + text, "FATAL: ERROR: " + text,
		"odyssey: c1a2b3c4d5e6f: " + text, "FATAL: odyssey: c1: ERROR: " + text,
	}
}

// Words of a lockout count more than the SQLSTATE that they come under, except
// where somebody's function raised them.
func TestLockoutWordsUnderEverySQLState(t *testing.T) {
	states := []string{"", "08P01", "XX000", "08004", "08006", "53200", "57P01", "ZZ999"}
	for _, s := range sqlstates {
		states = append(states, (s.code + "000")[:5])
	}
	for _, state := range states {
		for words, want := range lockoutWords {
			for _, text := range spellings(words) {
				o := Classify(said(state, text))
				if raised := strings.HasPrefix(state, "P0"); raised && o.Reason != machine.ReasonUnknown {
					t.Errorf("%s %q: %q, raised by a function", state, text, o.Reason)
				} else if !raised && (o.Reason != machine.ReasonLockout || o.Trigger != want) {
					t.Errorf("%s %q: %q %q, want %q", state, text, o.Reason, o.Trigger, want)
				}
			}
		}
	}
}

// A breaker that is no lockout, or whose words we do not know, is never asked
// again in seconds because of its SQLSTATE.
func TestBreakersUnderEverySQLState(t *testing.T) {
	for _, s := range sqlstates {
		if s.raised {
			continue
		}
		state := (s.code + "000")[:5]
		for _, text := range spellings(`(ECIRCUITBREAKER) failed to retrieve database credentials after multiple attempts`) {
			if o := Classify(said(state, text)); o.Reason != machine.ReasonUnavailable || !o.Slow {
				t.Errorf("%s %q: %q, slow %t", state, text, o.Reason, o.Slow)
			}
		}
		for _, text := range []string{`(ECIRCUITBREAKER) something new`, `Circuit breaker open: something new`} {
			if o := Classify(said(state, text)); o.Reason != machine.ReasonUnknown {
				t.Errorf("%s %q: %q", state, text, o.Reason)
			}
		}
	}
}

// Whatever a cause lost of its end, it is what it was, or less is known of it:
// the database is away. It never becomes a lockout, nor a rejection.
func TestCutCauses(t *testing.T) {
	causes := []string{
		"", `query_wait_timeout`, `no such user/database: a/b`, `client_login_timeout (server down)`,
		`server login has been failing, try again later (server_login_retry)`, memory(`connect failed`),
		`FATAL: the database system is starting up`, `das Datenbanksystem startet`,
	}
	for _, row := range texts {
		for _, name := range []string{"app", "password authentication failed", strings.Repeat("n", 63), "a (server_login_retry)"} {
			causes = append(causes, strings.Replace(string(row.text), "*", name, 1))
		}
	}
	for _, row := range refusals.All() {
		if cause, ok := strings.CutPrefix(row.Message, memoryBegin+causeBegin+" "); ok {
			causes = append(causes, strings.TrimSuffix(cause, " "+memoryEnd))
		}
	}
	for _, cause := range causes {
		text := memory(cause)
		whole := Classify(said("08P01", text))
		for n := len(memoryBegin + causeBegin); n < len(text); n++ {
			o := Classify(said("08P01", text[:n]))
			switch o.Reason {
			case whole.Reason:
			case machine.ReasonUnavailable:
			case machine.ReasonUnknown: // a breaker, and not which
				if !strings.HasPrefix(cause, "(ECIRCUITBREAKER)") && !strings.HasPrefix(cause, "Circuit breaker open") {
					t.Errorf("%q: %q, of %q", text[:n], o.Reason, whole.Reason)
				}
			default:
				t.Errorf("%q: %q, of %q", text[:n], o.Reason, whole.Reason)
			}
		}
	}
}

// Only 28P01 and known words speak of the password; the rest of class 28 is as
// often about TLS, addresses or a database that restarts.
func TestClass28(t *testing.T) {
	for _, row := range []struct {
		state, text string
		want        machine.Reason
	}{
		{"28P01", `words that nobody knows`, machine.ReasonAuthFailed},
		{"28000", `words that nobody knows`, machine.ReasonUnknown},
		{"28001", `words that nobody knows`, machine.ReasonUnknown},
		{"28000", `FATAL: odyssey: c1: pg_hba.conf rejects connection for host "::1"`, machine.ReasonConfigRejected},
		{"28000", `nenhuma entrada no pg_hba.conf para máquina "::1", usuário "a", banco de dados "b", SSL desabilitado`, machine.ReasonConfigRejected},
		{"28000", `호스트 "::1", 사용자 "a", 데이터베이스 "b", SSL 연결에 대한 설정이 pg_hba.conf 파일에 없습니다.`, machine.ReasonConfigRejected},
		{"28000", `Rolle »pg_hba.conf« existiert nicht`, machine.ReasonUnknown},
		{"28000", `role "pg_hba.conf" does not exist`, machine.ReasonAuthFailed},
		{"28000", `password for user "a" and database "b" is wrong, or the database does not exist`, machine.ReasonAuthFailed},
		{"28000", `This RDS Proxy requires TLS connections`, machine.ReasonTLS},
		{"28000", `The password that was provided for the role a is wrong.`, machine.ReasonAuthFailed},
		{"28000", `user blocked: a b`, machine.ReasonConfigRejected},
		{"08P01", `Passwort-Authentifizierung für Benutzer »a« fehlgeschlagen`, machine.ReasonAuthFailed},
		{"08P01", `用户 "a" Password 认证失败`, machine.ReasonAuthFailed},
	} {
		if o := Classify(said(row.state, row.text)); o.Reason != row.want {
			t.Errorf("%s %q: %q, want %q", row.state, row.text, o.Reason, row.want)
		}
	}
}
