package poolersim_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/poolersim"
)

// wantRefusal checks that a refusal has arrived word for word.
func wantRefusal(p *peer, err error, severity, sqlstate, message string) {
	p.Helper()
	refusal, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		p.Errorf("got %v, want %s %s", err, sqlstate, message)
		return
	}
	if refusal.Severity != severity || refusal.Code != sqlstate || refusal.Message != message {
		p.Errorf("got %s %s %q, want %s %s %q", refusal.Severity, refusal.Code, refusal.Message, severity, sqlstate, message)
	}
}

func TestRefusalIsVerbatimAtEveryPoint(t *testing.T) {
	words := poolersim.Refusal{Severity: "FATAL", SQLState: "XX000", Message: `(EANY) "quotes", %d and ünïcode`, Detail: "d", Hint: "h"}
	points := map[string]struct {
		script poolersim.Script
		counts poolersim.Counts
	}{
		"startup":  {poolersim.Script{OnStartup: words}, poolersim.Counts{Sockets: 1, Startups: 1}},
		"password": {poolersim.Script{Auth: poolersim.SCRAM, Password: "right", OnPassword: words}, poolersim.Counts{Sockets: 1, Startups: 1, Passwords: 1}},
		"query":    {poolersim.Script{OnQuery: words}, poolersim.Counts{Sockets: 1, Startups: 1, Queries: 1}},
	}
	for name, point := range points {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(p *peer) {
				p.Set(point.script)
				err := p.look("right")
				wantRefusal(p, err, words.Severity, words.SQLState, words.Message)
				if refusal, ok := errors.AsType[*pgconn.PgError](err); ok && (refusal.Detail != "d" || refusal.Hint != "h" || refusal.SeverityUnlocalized != "FATAL") {
					p.Errorf("got %+v", refusal)
				}
				if got := p.Counts(); got != point.counts {
					p.Errorf("counted %+v, want %+v", got, point.counts)
				}
			})
		})
	}
}

func TestReadyMadeRefusals(t *testing.T) {
	for _, test := range []struct {
		refusal           poolersim.Refusal
		sqlstate, message string
		v                 string
	}{
		{poolersim.ServerLoginRetry, "08P01", "server login has been failing, try again later (server_login_retry)", "FATAL"},
		{poolersim.CachedError("connect failed"), "08P01", "server login has been failing, cached error: connect failed (server_login_retry)", "FATAL"},
		{poolersim.WrongPassword("postgres"), "28P01", `password authentication failed for user "postgres"`, "FATAL"},
		{poolersim.CircuitBreaker, "XX000", "(ECIRCUITBREAKER) too many authentication failures, new connections are temporarily blocked", ""},
		{poolersim.TenantNotFound("postgres.abc"), "XX000", "(ENOTFOUND) tenant/user postgres.abc not found", ""},
	} {
		bubble(t, func(p *peer) {
			p.Set(poolersim.Script{OnStartup: test.refusal})
			err := p.look("")
			wantRefusal(p, err, "FATAL", test.sqlstate, test.message)
			if refusal, ok := errors.AsType[*pgconn.PgError](err); ok && refusal.SeverityUnlocalized != test.v {
				p.Errorf("V field %q, want %q", refusal.SeverityUnlocalized, test.v)
			}
		})
	}
}

// PgBouncer up to 1.15 said ERROR at the login, and closed all the same.
func TestErrorSeverity(t *testing.T) {
	words := poolersim.Refusal{Severity: "ERROR", SQLState: "57014", Message: "canceling statement due to statement timeout"}
	everywhere(t, func(p *peer) {
		p.Set(poolersim.Script{OnStartup: words})
		wantRefusal(p, p.look(""), "ERROR", "57014", words.Message)

		p.Set(poolersim.Script{OnQuery: words})
		conn := p.login("")
		defer p.leave(conn)
		for range 2 { // the connection stays
			_, err := ask(p.Context(), conn, "SELECT 1")
			wantRefusal(p, err, "ERROR", "57014", words.Message)
		}
	})
}
