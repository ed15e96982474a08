package dsn

import (
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// agree checks that a DSN we call valid is read alike by pgx, which reads like
// libpq, and by net/url, which cuts like Python's urlsplit.
func agree(t *testing.T, raw string, d DSN) {
	t.Helper()
	if before, after, _ := strings.Cut(raw, "://"); strings.Contains(before, "+") { // SQLAlchemy takes the driver's name off
		before, _, _ = strings.Cut(before, "+")
		raw = before + "://" + after
	}
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatalf("net/url refuses what we call valid: %q", raw)
	}
	password, _ := u.User.Password()
	if u.User.Username() != d.User || password != d.Password.Reveal() || plainHost(u.Hostname()) != d.Host {
		t.Errorf("net/url reads %q as %s at %s, we as %s at %s", raw, u.User.Username(), u.Hostname(), d.User, d.Host)
	}
	bare, query, _ := strings.Cut(raw, "?") // pgx opens the files of sslrootcert
	if _, err := url.ParseQuery(query); err != nil && !strings.Contains(query, ";") {
		t.Errorf("net/url refuses the query of %q: %v", raw, err)
	}
	c, err := pgconn.ParseConfig(bare + "?sslmode=disable")
	if err != nil {
		t.Fatalf("pgx refuses what we call valid: %q", raw)
	}
	if c.User != d.User || c.Password != d.Password.Reveal() || plainHost(c.Host) != d.Host || c.Port != d.Port {
		t.Errorf("pgx reads %q as %s at %s:%d, we as %s at %s", raw, c.User, c.Host, c.Port, d.User, d.address())
	}
	if c.Database != d.Database && c.Database != "" {
		t.Errorf("pgx reads the database of %q as %s, we as %s", raw, c.Database, d.Database)
	}
}

func TestReadersAgree(t *testing.T) {
	withoutPG(t)
	for _, raw := range []string{
		sharedProd,
		strings.Replace(sharedProd, "secret", "MyP%40ss%2Bword%21%2F123", 1),
		"postgresql://app:a%20b@[::1]:5432/my%20db",
		"postgresql://app:x@LOCALHOST.?application_name=a",
		"postgres://app:x@127.0.0.1:65535/",
	} {
		r := judge(raw, Dev)
		if r.Code == ParseError || r.DSN.Password.IsZero() {
			t.Errorf("%q: %+v", raw, r.Findings)
		}
		agree(t, raw, r.DSN)
	}
}
