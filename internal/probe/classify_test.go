package probe

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/supervisor"
)

// refusal is one row of testdata/errors/refusals.json: what a peer said, word
// for word, and what it should mean.
type refusal struct {
	Source, Phase, Severity, SQLState, Message string
	GoError                                    string `json:"go_error"`
	When                                       string
	Reason                                     supervisor.Reason
}

func refusals(t testing.TB) []refusal {
	t.Helper()
	raw, err := os.ReadFile("testdata/errors/refusals.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []refusal
	if err := json.Unmarshal(raw, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestClassifyEveryRefusal(t *testing.T) {
	for _, row := range refusals(t) {
		t.Run(row.When, func(t *testing.T) {
			t.Parallel()
			o := Classify(row.failure(t))
			if o.Reason != row.Reason {
				t.Errorf("reason %q, want %q\n%+v\n%+v", o.Reason, row.Reason, row, o)
			}
			if want := row.trigger(); o.Trigger != want {
				t.Errorf("trigger %q, want %q", o.Trigger, want)
			}
			if row.GoError == "" && row.SQLState != "" && (o.Message != row.Message || o.SQLState != row.SQLState) {
				t.Errorf("says %q %q, want %q %q", o.SQLState, o.Message, row.SQLState, row.Message)
			}
		})
	}
}

// failure is the row as a probe would meet it: an error response as pgconn
// hands it on, everything else provoked from pgconn itself.
func (r refusal) failure(t *testing.T) Failure {
	if r.SQLState == "" {
		return provoke(t, r)
	}
	step := supervisor.StepStartup
	if r.Phase == "query" {
		step = supervisor.StepQuery
	}
	refused := &pgconn.PgError{Severity: r.Severity, Code: r.SQLState, Message: r.Message}
	return Failure{Err: refused, Step: step, User: r.user()}
}

var namedRole = regexp.MustCompile(`(?:user|role) "([^"]+)"`)

// user is ours in that row: the role that the text names, except where it is
// the pooler's auth_user. Nothing but the name tells that row from the others.
func (r refusal) user() string {
	named := namedRole.FindStringSubmatch(r.Message)
	switch {
	case named == nil:
		return ""
	case named[1] == "authuser":
		return "app"
	}
	return named[1]
}

func (r refusal) trigger() supervisor.Trigger {
	switch {
	case r.Reason != supervisor.ReasonLockout:
		return ""
	case r.Message == "query_wait_timeout":
		return supervisor.TriggerQueryWaitTimeout
	case strings.Contains(r.Message, "authentication failures"), strings.Contains(r.Message, "authentication errors"):
		return supervisor.TriggerCircuitBreaker
	}
	return supervisor.TriggerServerLoginRetry
}

// said is an error response with these words.
func said(state, text string) Failure {
	return Failure{Err: &pgconn.PgError{Severity: "FATAL", Code: state, Message: text}, Step: supervisor.StepStartup}
}

func TestClassifyMoreRefusals(t *testing.T) {
	for _, row := range []struct {
		state, text string
		want        supervisor.Reason
	}{
		{"28000", `no pg_hba.conf entry for host "::1", user "a", database "b", SSL encryption`, supervisor.ReasonConfigRejected},
		{"28000", `no pg_hba.conf entry for replication connection from host "::1", user "a", no encryption`, supervisor.ReasonConfigRejected},
		{"28000", `Peer authentication failed for user "a"`, supervisor.ReasonAuthFailed},
		{"28000", `Peer-Authentifizierung für Benutzer »a« fehlgeschlagen`, supervisor.ReasonAuthFailed},
		{"28P01", `Passwort-Authentifizierung für Benutzer »a« fehlgeschlagen`, supervisor.ReasonAuthFailed},
		{"57P03", `das Datenbanksystem startet`, supervisor.ReasonUnavailable},
		{"53100", `could not extend file "base/1": No space left on device`, supervisor.ReasonUnavailable},
		{"53200", `out of memory`, supervisor.ReasonUnavailable},
		{"53300", `sorry, too many clients already`, supervisor.ReasonSaturated},
		{"08P01", `sorry, too many clients already`, supervisor.ReasonSaturated},
		{"53300", `remaining connection slots are reserved for roles with the SUPERUSER attribute`, supervisor.ReasonSaturated},
		{"57P02", `terminating connection because of crash of another server process`, supervisor.ReasonUnavailable},
		{"57P04", `terminating connection due to conflict with recovery`, supervisor.ReasonConfigRejected},
		{"57P05", `terminating connection due to idle-session timeout`, supervisor.ReasonTimeout},
		{"57014", `canceling authentication due to timeout`, supervisor.ReasonTimeout},
		{"58030", `could not read file "global/1260": Input/output error`, supervisor.ReasonUnavailable},
		{"25006", `cannot execute SELECT FOR UPDATE in a read-only transaction`, supervisor.ReasonUnavailable},
		{"XX001", `invalid page in block 0 of relation "pg_authid"`, supervisor.ReasonUnavailable},
		{"0A000", `unsupported frontend protocol 3.2: server supports 3.0 to 3.0`, supervisor.ReasonConfigRejected},
		{"22023", `invalid value for parameter "client_encoding": "x"`, supervisor.ReasonConfigRejected},
		{"22023", `parameter "jit" requires a Boolean value`, supervisor.ReasonConfigRejected},
		{"08001", `could not connect to server`, supervisor.ReasonUnavailable},
		{"08006", `connection failure`, supervisor.ReasonUnavailable},
		{"08006", `connection failure during authentication`, supervisor.ReasonTimeout},
		{"08004", `the server refused`, supervisor.ReasonUnknown},
		{"XX000", `something new`, supervisor.ReasonUnknown},
		{"08P01", `something new`, supervisor.ReasonUnknown},
		{"08P01", ``, supervisor.ReasonUnknown},
		{"", ``, supervisor.ReasonUnknown},
		{"", `the database system is starting up`, supervisor.ReasonUnavailable},
		{"XX000", `(ECIRCUITBREAKER) something new, new connections are temporarily blocked`, supervisor.ReasonUnknown},
		{"XX000", `Circuit breaker open: something new`, supervisor.ReasonUnknown},
		{"XX000", `(ENEWCODE) something new`, supervisor.ReasonUnknown},
		{"XX000", `(ENOIDENTIFIER) no tenant identifier provided (external_id or sni_hostname required)`, supervisor.ReasonTenantNotFound},
		{"XX000", `(EADDRNOTALLOWED) address not in tenant allow_list: {1, 2, 3, 4}`, supervisor.ReasonConfigRejected},
		{"XX000", `(EAUTHQUERY) user not found in the database`, supervisor.ReasonAuthFailed},
		{"XX000", `MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size`, supervisor.ReasonSaturated},
		{"08P01", `no such database: x`, supervisor.ReasonConfigRejected},
		{"08P01", `database does not allow connections: x`, supervisor.ReasonUnavailable},
		{"08P01", `database "x" is disabled`, supervisor.ReasonUnavailable},
		{"08P01", `bouncer config error`, supervisor.ReasonUnavailable},
		{"08P01", `auth failed`, supervisor.ReasonAuthFailed},
		{"08P01", `server conn crashed?`, supervisor.ReasonUnavailable},
		{"08P01", `pause failed`, supervisor.ReasonUnavailable},
		{"08P01", `invalid server parameter`, supervisor.ReasonConfigRejected},
	} {
		if o := Classify(said(row.state, row.text)); o.Reason != row.want {
			t.Errorf("%s %q: %q, want %q", row.state, row.text, o.Reason, row.want)
		}
	}
}

// What a tenant may name, or a function may raise, decides nothing.
func TestClassifyIsNotLedByNames(t *testing.T) {
	for _, row := range []struct {
		state, text string
		want        supervisor.Reason
	}{
		{"08P01", `no such database: too many connections`, supervisor.ReasonConfigRejected},
		{"08P01", `no such database: x (server_login_retry)`, supervisor.ReasonConfigRejected},
		{"08P01", `database "server_login_retry" does not exist`, supervisor.ReasonConfigRejected},
		{"08P01", `database "x" is not currently accepting connections" does not exist`, supervisor.ReasonConfigRejected},
		{"08P01", `database "x" does not exist" is not currently accepting connections`, supervisor.ReasonUnavailable},
		{"08P01", `password authentication failed for user "query_wait_timeout"`, supervisor.ReasonAuthFailed},
		{"08P01", `too many connections for role "server login has been failing"`, supervisor.ReasonSaturated},
		{"XX000", `(ENOTFOUND) tenant/user x.(ECIRCUITBREAKER) too many authentication failures not found`, supervisor.ReasonTenantNotFound},
		{"XX000", ` (ECIRCUITBREAKER) too many authentication failures`, supervisor.ReasonUnknown},
		{"P0001", `query_wait_timeout`, supervisor.ReasonUnknown},
		{"57P03", `role timeout fatal`, supervisor.ReasonUnavailable},
		{"08P01", `fatal: the role met a timeout`, supervisor.ReasonUnknown},
		{"08P01", cachedBegin + ` database "password authentication failed" does not exist (server_login_retry)`, supervisor.ReasonConfigRejected},
		{"08P01", cachedBegin + ` too many connections for role "x (server_login_retry)" (server_login_retry)`, supervisor.ReasonSaturated},
	} {
		if o := Classify(said(row.state, row.text)); o.Reason != row.want {
			t.Errorf("%s %q: %q, want %q", row.state, row.text, o.Reason, row.want)
		}
	}
}

// A rejected password of another role is the pooler's own fault, unless
// PgBouncer only remembers it: then every knock repeats the login.
func TestClassifyAnothersLogin(t *testing.T) {
	const rejected = `password authentication failed for user "postgres"`
	for _, row := range []struct {
		text, user string
		want       supervisor.Reason
	}{
		{rejected, "", supervisor.ReasonAuthFailed},
		{rejected, "postgres", supervisor.ReasonAuthFailed},
		{rejected, "postgres.abcdefgh", supervisor.ReasonAuthFailed},
		{rejected, "app", supervisor.ReasonConfigRejected},
		{`role "postgres" does not exist`, "app", supervisor.ReasonConfigRejected},
		{`password authentication failed`, "app", supervisor.ReasonAuthFailed},
		{cachedBegin + " " + rejected + " (server_login_retry)", "app", supervisor.ReasonLockout},
	} {
		for _, state := range []string{"28P01", "08P01"} {
			f := said(state, row.text)
			if f.User = row.user; state == "28P01" && strings.HasPrefix(row.text, cachedBegin) {
				continue
			}
			if o := Classify(f); o.Reason != row.want {
				t.Errorf("%s %q as %q: %q, want %q", state, row.text, row.user, o.Reason, row.want)
			}
		}
	}
}
