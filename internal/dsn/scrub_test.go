package dsn

import (
	"strings"
	"testing"
)

func TestScrub(t *testing.T) {
	const host = "@aws-0-us-east-1.pooler.supabase.com:6543/postgres"
	for _, c := range []struct{ name, dsn, text, want string }{
		{"whole DSN", sharedProd, "cannot parse `" + sharedProd + "`", "cannot parse `postgresql://postgres.iaketsyh****@aws-0-us-east-1.pooler.supabase.com:6543/postgres`"},
		{"short password in a DSN", "postgresql://u:pw@localhost/db", "bad postgresql://u:pw@localhost/db", "bad postgresql://u***@localhost:5432/db"},
		{"decoded", "postgresql://u:MyP%40ssw0rd" + host, "auth for MyP@ssw0rd failed", "auth for **** failed"},
		{"raw", "postgresql://u:MyP%40ssw0rd" + host, "auth for MyP%40ssw0rd failed", "auth for **** failed"},
		{"form", "postgresql://u:two%20words" + host, "a=two+words&", "a=****&"},
		{"other hex case", "postgresql://u:ab%2Fcd" + host, "ab%2fcd", "****"},
		{"quoted", `postgresql://u:ab"cd%5Cef` + host, `"ab\"cd\\ef"`, `"****"`},
		{"tail after the first @", "postgresql://u:se@cret9" + host, `lookup cret9@aws: no such host`, `lookup ****@aws: no such host`},
		{"lower-cased", "postgresql://u:12/AbCdE" + host, "lookup abcde: no such host", "lookup ****: no such host"},
		{"piece of 4", "postgresql://u:abcdefgh" + host, "xx bcde xx bcd xx", "xx **** xx bcd xx"},
		{"our words stay", "postgresql://u:password1" + host, "password authentication failed: password1", "password authentication failed: ****"},
		{"the rest of the DSN stays", "postgresql://zebra99:zebra99x@localhost/db", "user zebra99, zebra99x", "user zebra99, ****"},
		{"keywords", "host=h user=u password=tops3cret", "near tops3cret", "near ****"},
		{"pasted password", "tops3cret!", "invalid \"tops3cret\"", `invalid "****"`},
		{"no @", "postgresql://u:tops3cret", "port tops3cret", "port ****"},
		{"in the query", "postgresql://u:pw@h/db?user=x&password=tops&3cret", "tops, 3cret, user", "****, ****, user"},
		{"turned round", "postgresql://tops3cret:postgres.iaketsyhmqbwaabgykux@localhost/db", `for user "tops3cret"`, `for user "****"`},
		{"encoded with the user", "postgresql://postgres%3Atops3cret@localhost/db", `for user "postgres:tops3cret"`, `for user "postgres****"`},
		{"no password", "postgresql://u@h/db", "u@h/db says no", "u@h/db says no"},
		{"empty", "", "text", "text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewScrubber(c.dsn, judge(c.dsn, Prod).DSN)
			if got := s.Scrub(c.text); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestScrubTypedPassword(t *testing.T) {
	d := DSN{Host: "h", Password: NewSecret("typed-in")}
	if got := NewScrubber("", d).Scrub("it was typed-in"); got != "it was ****" {
		t.Errorf("%q", got)
	}
	var none *Scrubber
	if got := none.Scrub("text"); got != "text" {
		t.Errorf("nil scrubber: %q", got)
	}
}

func TestScrubKeepsRunes(t *testing.T) {
	s := NewScrubber("postgresql://u:p%C3%A4%C3%A4%C3%A4@h/db", DSN{Host: "h"})
	if got := s.Scrub("é pääää é"); strings.Contains(got, "pä") || !strings.HasPrefix(got, "é ") || !strings.HasSuffix(got, " é") {
		t.Errorf("%q", got)
	}
}

// A long text must not hold up a probe: the search is no more than quadratic.
func TestScrubLongTexts(t *testing.T) {
	long := strings.Repeat("a1b2c3d4", 500)
	s := NewScrubber("postgresql://u:"+long+"%40@h/db", DSN{Host: "h"})
	if got := s.Scrub("x " + long + " y"); got != "x **** y" {
		t.Errorf("%.80q", got)
	}
}
