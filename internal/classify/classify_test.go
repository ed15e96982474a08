package classify

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/classify/refusals"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

func TestClassifyEveryRefusal(t *testing.T) {
	for _, row := range refusals.All() {
		t.Run(row.When, func(t *testing.T) {
			t.Parallel()
			o := Classify(failure(t, row))
			if o.Reason != row.Reason {
				t.Errorf("reason %q, want %q\n%+v\n%+v", o.Reason, row.Reason, row, o)
			}
			if want := row.Trigger(); o.Trigger != want {
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
func failure(t *testing.T, r refusals.Row) Failure {
	if r.SQLState == "" {
		return provoke(t, r)
	}
	step := machine.StepStartup
	if r.Phase == "query" {
		step = machine.StepQuery
	}
	refused := &pgconn.PgError{Severity: r.Severity, Code: r.SQLState, Message: r.Message}
	return Failure{Err: refused, Step: step, User: r.User()}
}

// said is an error response with these words.
func said(state, text string) Failure {
	return Failure{Err: &pgconn.PgError{Severity: "FATAL", Code: state, Message: text}, Step: machine.StepStartup}
}

func TestClassifyMoreRefusals(t *testing.T) {
	for _, row := range []struct {
		state, text string
		want        machine.Reason
	}{
		{"28000", `no pg_hba.conf entry for host "::1", user "a", database "b", SSL encryption`, machine.ReasonConfigRejected},
		{"28000", `no pg_hba.conf entry for replication connection from host "::1", user "a", no encryption`, machine.ReasonConfigRejected},
		{"28000", `Peer authentication failed for user "a"`, machine.ReasonAuthFailed},
		{"28000", `Peer-Authentifizierung für Benutzer »a« fehlgeschlagen`, machine.ReasonUnknown},
		{"28P01", `Passwort-Authentifizierung für Benutzer »a« fehlgeschlagen`, machine.ReasonAuthFailed},
		{"57P03", `das Datenbanksystem startet`, machine.ReasonUnavailable},
		{"53100", `could not extend file "base/1": No space left on device`, machine.ReasonUnavailable},
		{"53200", `out of memory`, machine.ReasonUnavailable},
		{"53300", `sorry, too many clients already`, machine.ReasonSaturated},
		{"08P01", `sorry, too many clients already`, machine.ReasonSaturated},
		{"53300", `remaining connection slots are reserved for roles with the SUPERUSER attribute`, machine.ReasonSaturated},
		{"57P02", `terminating connection because of crash of another server process`, machine.ReasonUnavailable},
		{"57P04", `terminating connection due to conflict with recovery`, machine.ReasonConfigRejected},
		{"57P05", `terminating connection due to idle-session timeout`, machine.ReasonTimeout},
		{"57014", `canceling authentication due to timeout`, machine.ReasonTimeout},
		{"58030", `could not read file "global/1260": Input/output error`, machine.ReasonUnavailable},
		{"25006", `cannot execute SELECT FOR UPDATE in a read-only transaction`, machine.ReasonUnavailable},
		{"XX001", `invalid page in block 0 of relation "pg_authid"`, machine.ReasonUnavailable},
		{"0A000", `unsupported frontend protocol 3.2: server supports 3.0 to 3.0`, machine.ReasonConfigRejected},
		{"22023", `invalid value for parameter "client_encoding": "x"`, machine.ReasonConfigRejected},
		{"22023", `parameter "jit" requires a Boolean value`, machine.ReasonConfigRejected},
		{"08001", `could not connect to server`, machine.ReasonUnavailable},
		{"08006", `connection failure`, machine.ReasonUnavailable},
		{"08006", `connection failure during authentication`, machine.ReasonTimeout},
		{"08004", `the server refused`, machine.ReasonUnknown},
		{"XX000", `something new`, machine.ReasonUnknown},
		{"08P01", `something new`, machine.ReasonUnknown},
		{"08P01", ``, machine.ReasonUnknown},
		{"", ``, machine.ReasonUnknown},
		{"", `the database system is starting up`, machine.ReasonUnavailable},
		{"XX000", `(ECIRCUITBREAKER) something new, new connections are temporarily blocked`, machine.ReasonUnknown},
		{"XX000", `Circuit breaker open: something new`, machine.ReasonUnknown},
		{"XX000", `(ENEWCODE) something new`, machine.ReasonUnknown},
		{"XX000", `(ENOIDENTIFIER) no tenant identifier provided (external_id or sni_hostname required)`, machine.ReasonTenantNotFound},
		{"XX000", `(EADDRNOTALLOWED) address not in tenant allow_list: {1, 2, 3, 4}`, machine.ReasonConfigRejected},
		{"XX000", `(EAUTHQUERY) user not found in the database`, machine.ReasonAuthFailed},
		{"XX000", `MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size`, machine.ReasonSaturated},
		{"08P01", `no such database: x`, machine.ReasonConfigRejected},
		{"08P01", `database does not allow connections: x`, machine.ReasonUnavailable},
		{"08P01", `database "x" is disabled`, machine.ReasonUnavailable},
		{"08P01", `bouncer config error`, machine.ReasonUnavailable},
		{"08P01", `auth failed`, machine.ReasonAuthFailed},
		{"08P01", `server conn crashed?`, machine.ReasonUnavailable},
		{"08P01", `pause failed`, machine.ReasonUnavailable},
		{"08P01", `invalid server parameter`, machine.ReasonConfigRejected},
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
		want        machine.Reason
	}{
		{"08P01", `no such database: too many connections`, machine.ReasonConfigRejected},
		{"08P01", `no such database: x (server_login_retry)`, machine.ReasonConfigRejected},
		{"08P01", `database "server_login_retry" does not exist`, machine.ReasonConfigRejected},
		{"08P01", `database "x" is not currently accepting connections" does not exist`, machine.ReasonConfigRejected},
		{"08P01", `database "x" does not exist" is not currently accepting connections`, machine.ReasonUnavailable},
		{"08P01", `password authentication failed for user "query_wait_timeout"`, machine.ReasonAuthFailed},
		{"08P01", `too many connections for role "server login has been failing"`, machine.ReasonSaturated},
		{"XX000", `(ENOTFOUND) tenant/user x.(ECIRCUITBREAKER) too many authentication failures not found`, machine.ReasonTenantNotFound},
		{"XX000", ` (ECIRCUITBREAKER) too many authentication failures`, machine.ReasonUnknown},
		{"P0001", `query_wait_timeout`, machine.ReasonUnknown},
		{"57P03", `role timeout fatal`, machine.ReasonUnavailable},
		{"08P01", `fatal: the role met a timeout`, machine.ReasonUnknown},
		{"08P01", memoryBegin + causeBegin + ` database "password authentication failed" does not exist (server_login_retry)`, machine.ReasonConfigRejected},
		{"08P01", memoryBegin + causeBegin + ` too many connections for role "x (server_login_retry)" (server_login_retry)`, machine.ReasonSaturated},
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
		want       machine.Reason
	}{
		{rejected, "", machine.ReasonAuthFailed},
		{rejected, "postgres", machine.ReasonAuthFailed},
		{rejected, "postgres.abcdefgh", machine.ReasonAuthFailed},
		{rejected, "app", machine.ReasonConfigRejected},
		{`role "postgres" does not exist`, "app", machine.ReasonConfigRejected},
		{`password authentication failed`, "app", machine.ReasonAuthFailed},
		{memoryBegin + causeBegin + " " + rejected + " (server_login_retry)", "app", machine.ReasonLockout},
	} {
		for _, state := range []string{"28P01", "08P01"} {
			f := said(state, row.text)
			if f.User = row.user; state == "28P01" && strings.HasPrefix(row.text, memoryBegin) {
				continue
			}
			if o := Classify(f); o.Reason != row.want {
				t.Errorf("%s %q as %q: %q, want %q", state, row.text, row.user, o.Reason, row.want)
			}
		}
	}
}

// Servers print names in their own way: without .REF, with or without @SERVER,
// and cut.
func TestIsOurs(t *testing.T) {
	long := strings.Repeat("n", 61)
	for _, row := range []struct {
		role, user string
		want       bool
	}{
		{"app", "app", true},
		{"App", "app", false},
		{"postgres", "postgres.abcdefgh", true},
		{"app", "app@server", true},
		{"app@server", "app", true},
		{"app", "application", false},
		{"", "app", false},
		{long + "nn", long + "nnnn", true},
		{long + "nn", long + "nn", true},
		{long + "\xc3", long + "ää", true}, // cut in a letter
		{long, long + "ää", true},
		{long + "nn", long + "nmmm", false},
		{"nnn", long + "nnnn", false},
		{long + "nnn", long + "nnnn", false}, // more than fits
	} {
		if isOurs(row.role, row.user) != row.want {
			t.Errorf("%q for %q: %t", row.role, row.user, !row.want)
		}
	}
}
