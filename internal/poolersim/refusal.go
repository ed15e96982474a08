package poolersim

import (
	"cmp"
	"fmt"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Refusal is an error response, word for word. As an [Act] it also closes the
// connection, except that an ERROR at a query fails only the query.
type Refusal struct {
	Severity string // zero: FATAL
	SQLState string
	Message  string
	Detail   string
	Hint     string
	OmitV    bool // leave out the unlocalized severity (docs/facts.md#supavisor-severity)
}

// Refusals in the words of real poolers (docs/facts.md#what-a-refusal-looks-like).
var (
	// ServerLoginRetry is PgBouncer before 1.24: it remembers that its own login failed.
	ServerLoginRetry = Refusal{SQLState: "08P01", Message: "server login has been failing, try again later (server_login_retry)"}
	// QueryWaitTimeout is PgBouncer's answer to a client that has waited too long for a server.
	QueryWaitTimeout = Refusal{SQLState: "08P01", Message: "query_wait_timeout"}
	// CircuitBreaker is Supavisor since 2.9: too many wrong passwords from this address.
	CircuitBreaker = Refusal{SQLState: "XX000", OmitV: true, Message: "(ECIRCUITBREAKER) too many authentication failures, new connections are temporarily blocked"}
)

// CachedError is PgBouncer since 1.24: the same memory, with the server's words.
func CachedError(cause string) Refusal {
	return Refusal{SQLState: "08P01", Message: fmt.Sprintf("server login has been failing, cached error: %s (server_login_retry)", cause)}
}

// WrongPassword is PostgreSQL's answer to a wrong password.
func WrongPassword(user string) Refusal {
	return Refusal{SQLState: "28P01", Message: fmt.Sprintf("password authentication failed for user %q", user)}
}

// TenantNotFound is Supavisor's answer to a user it cannot route, since 2.9.
func TenantNotFound(user string) Refusal {
	return Refusal{SQLState: "XX000", OmitV: true, Message: fmt.Sprintf("(ENOTFOUND) tenant/user %s not found", user)}
}

func (r Refusal) perform(s *session) error {
	if err := s.send(r.response("FATAL")); err != nil {
		return err
	}
	if r.Severity == "ERROR" && s.loggedIn {
		return errStatement
	}
	return errEnd
}

// response is the message on the wire; severity stands in for a missing one.
func (r Refusal) response(severity string) *pgproto3.ErrorResponse {
	severity = cmp.Or(r.Severity, severity)
	words := &pgproto3.ErrorResponse{Severity: severity, SeverityUnlocalized: severity, Code: r.SQLState, Message: r.Message, Detail: r.Detail, Hint: r.Hint}
	if r.OmitV {
		words.SeverityUnlocalized = ""
	}
	return words
}
