package dsn

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Why pgx and we read one text in two ways. Where we refuse what pgx takes, it
// is because another reader takes it differently, or because it leads somewhere
// that nobody meant (docs/facts.md#accepted-dsns).
const (
	keyword   = "pgx takes the text for keywords, each with a value, and fills every gap with a default"
	lost      = "pgx fills the gap with a default, which is not what was meant"
	override  = "what stands after the ? wins over what stands before it, unseen in every log"
	unencoded = "urlsplit ends the password at the last @ and cuts at / ? #; pgx ends it at the first @"
	strict    = "pgx takes the raw character, others may decode, cut or refuse it"
	folded    = "one host has one name: lower case, no trailing dot"
	exempt    = "an exempt host without sslmode is reached in plain text, with no second try"
	dropped   = "PgBouncer refuses a login for a startup parameter that it does not know"
	byUser    = "the name that the server would take is spelled out"
	nobodys   = "nobody chose the password: it is never sent"
	turned    = "what is no ref may be a password in the wrong place, and is kept nowhere"
	coloned   = "a colon that is encoded ends the user name for nobody else, and the password is read as part of it"
	driver    = "the scheme of a driver is read as what it means"
	worse     = "pgx can't go on; we can name what is wrong"
)

// shapes holds what pgx reads beside what we say: a reason stands with every
// difference and nowhere else. A user and a socket that pgx takes from the
// machine are (you) and (socket); what it refuses is "".
var shapes = []struct {
	dsn  string
	pgx  string
	code Code
	why  string
}{
	{"", "(you)@(socket):5432 plain", ParseError, lost},
	{"postgresql://", "(you)@(socket):5432 plain", ParseError, lost},
	{" postgresql://u:pw@h/db?sslmode=require", "(you)@(socket):5432 plain, sends postgresql://u:pw@h/db?sslmode=require", ParseError, keyword},
	{"POSTGRESQL://u:pw@h/db?sslmode=require", "(you)@(socket):5432 plain, sends POSTGRESQL://u:pw@h/db?sslmode=require", ParseError, keyword},
	{"DATABASE_URL=postgresql://u:pw@h/db", "(you)@(socket):5432 plain, sends DATABASE_URL=postgresql://u:pw@h/db", ParseError, keyword},
	{`"postgresql://u:pw@h/db?sslmode=require"`, `(you)@(socket):5432 plain, sends "postgresql://u:pw@h/db?sslmode=require"`, ParseError, keyword},
	{"'postgresql://u:pw@h/db'", "", ParseError, ""},
	{"host=h user=u password=pw dbname=db", "u:pw@h:5432/db fallback", ParseError, "one form of DSN is enough; urlsplit reads no keywords"},
	{"jdbc:postgresql://h/db?user=u&password=pw", "(you)@(socket):5432 plain, sends jdbc:postgresql://h/db?user=u&password=pw", ParseError, keyword},
	{"postgresql+asyncpg://u:pw@h/db", "", Valid, driver},
	{"postgresql+psycopg://u:pw@h/db?sslmode=require", "(you)@(socket):5432 plain, sends postgresql+psycopg://u:pw@h/db?sslmode=require", Valid, driver},
	{"postgresql:/u:pw@h/db", "", ParseError, ""},
	{"mysql://u:pw@h/db", "", ParseError, ""},
	{"pw", "", ParseError, ""},

	{"postgresql://u:pw@h/db?sslmode=require", "u:pw@h:5432/db tls", Valid, ""},
	{"postgres://u:pw@h:6543/db?sslmode=verify-full", "u:pw@h:6543/db tls", Valid, ""},
	{"postgresql://u:a%40%2F%23%3F%2B%20%25z@h/db?sslmode=require", "u:a@/#?+ %z@h:5432/db tls", Valid, ""},
	{"postgresql://u:p%41ss@h/db?sslmode=require", "u:pAss@h:5432/db tls", Valid, ""},
	{"postgresql://u:12/ab@h:6543/db", "(you)@u:12/ab@h:6543/db fallback", PasswordNeedsEncoding, unencoded},
	{"postgresql://u:p/ss@h/db", "", PasswordNeedsEncoding, ""},
	{"postgresql://u:p@ss@h:6543/db", "u:p@ss@h:6543/db fallback", PasswordNeedsEncoding, unencoded},
	{"postgresql://u:p#ss@h/db", "u:p#ss@h:5432/db fallback", PasswordNeedsEncoding, unencoded},
	{"postgresql://u:p?ss@h/db", "u:p?ss@h:5432/db fallback", PasswordNeedsEncoding, unencoded},
	{"postgresql://u:p:ss@h/db", "u:p:ss@h:5432/db fallback", PasswordNeedsEncoding, strict},
	{"postgresql://u:p+ss@h/db", "u:p+ss@h:5432/db fallback", PasswordNeedsEncoding, "form decoders take + for a space"},
	{"postgresql://u:pässe@h/db", "u:pässe@h:5432/db fallback", PasswordNeedsEncoding, strict},
	{"postgresql://u:p ss@h/db", "", PasswordNeedsEncoding, ""},
	{"postgresql://u:100%@h/db", "", PasswordNeedsEncoding, ""},
	{"postgresql://u:p\tss@h/db", "u:p\tss@h:5432/db fallback", ParseError, "urlsplit removes tabs and line breaks without a word"},
	{"postgresql://u:p%00ss@h/db", "", ParseError, ""},
	{"postgresql://u@h/db?sslmode=require", "u@h:5432/db tls", PasswordMissing, ""},
	{"postgresql://pos***@h/db?sslmode=require", "pos***@h:5432/db tls", PasswordMissing, ""},

	{"postgresql://u%40corp:pw@h/db?sslmode=require", "u@corp:pw@h:5432/db tls", Valid, ""},
	{"postgresql://u@corp:pw@h/db", "", ParseError, ""},
	{"postgresql://:pw@h/db?sslmode=require", "(you):pw@h:5432/db tls", ParseError, lost},
	{"postgresql://h/db?sslmode=require", "(you)@h:5432/db tls", ParseError, lost},

	{"postgresql://u:pw@H/db?sslmode=require", "u:pw@H:5432/db tls", Valid, folded},
	{"postgresql://u:pw@h./db?sslmode=require", "u:pw@h.:5432/db tls", Valid, folded},
	{"postgresql://u:pw@[::1]:6432/db?sslmode=require", "u:pw@::1:6432/db tls", InvalidPoolerMode, ""},
	{"postgresql://u:pw@[::1/db", "", ParseError, ""},
	{"postgresql://u:pw@::1:6432/db", "", ParseError, ""},
	{"postgresql://u:pw@[fe80::1%25eth0]/db?sslmode=require", "u:pw@fe80::1%eth0:5432/db tls", ParseError, "urlsplit does not decode the host"},
	{"postgresql://u:pw@%68/db?sslmode=require", "u:pw@h:5432/db tls", ParseError, "urlsplit does not decode the host"},
	{"postgresql://u:pw@%2Ftmp/db", "u:pw@(socket):5432/db plain", ParseError, "a pooler is not on this machine's disk"},
	{"postgresql://u:pw@/db", "u:pw@(socket):5432/db plain", ParseError, lost},
	{"postgresql://u:pw@h:1,i:2/db?sslmode=require", "u:pw@h:1/db tls, then 1 more", MultipleHosts, "one login goes to one place"},
	{"postgresql://u:pw@h,i/db?sslmode=require", "u:pw@h:5432/db tls, then 1 more", MultipleHosts, "one login goes to one place"},
	{"postgresql://u:pw@h:/db?sslmode=require", "u:pw@h:5432/db tls", ParseError, "a port that is missing after its colon got lost on the way"},
	{"postgresql://u:pw@h:0/db", "", ParseError, ""},
	{"postgresql://u:pw@h:+6543/db", "", ParseError, ""},
	{"postgresql://u:pw@h:99999/db", "", ParseError, ""},

	{"postgresql://u:pw@h?sslmode=require", "u:pw@h:5432 tls", Valid, byUser},
	{"postgresql://u:pw@h/?sslmode=require", "u:pw@h:5432 tls", Valid, byUser},
	{"postgresql://u:pw@h/my%20db?sslmode=require", "u:pw@h:5432/my db tls", Valid, ""},
	{"postgresql://u:pw@h/my+db?sslmode=require", "u:pw@h:5432/my+db tls", ParseError, strict},
	{"postgresql://u:pw@h/a/b?sslmode=require", "u:pw@h:5432/a/b tls", ParseError, strict},
	{"postgresql://u:pw@h/db#x?sslmode=require", "u:pw@h:5432/db#x tls", ParseError, unencoded},

	{"postgresql://u:pw@h/db", "u:pw@h:5432/db fallback", Valid, exempt},
	{"postgresql://u:pw@h/db?sslmode=allow", "u:pw@h:5432/db fallback", Valid, exempt},
	{"postgresql://u:pw@h/db?sslmode=disable", "u:pw@h:5432/db plain", Valid, ""},
	{"postgresql://u:pw@i/db", "u:pw@i:5432/db fallback", InvalidPoolerMode, ""},
	{"postgresql://u:pw@h/db?ssl=true", "u:pw@h:5432/db tls", Valid, ""},
	{"postgresql://u:pw@h/db?ssl=require", "u:pw@h:5432/db fallback, sends ssl=require", Valid, "asyncpg's spelling of sslmode"},
	{"postgresql://u:pw@h/db?sslmode=require&ssl=false", "u:pw@h:5432/db tls, sends ssl=false", ParseError, "some programs take one of the two, some the other"},
	{"postgresql://u:pw@h/db?SSLMODE=require", "u:pw@h:5432/db fallback, sends SSLMODE=require", Valid, dropped},
	{"postgresql://u:pw@h/db?sslmode=REQUIRE", "", MissingSSLMode, worse},
	{"postgresql://u:pw@h/db?sslmode", "", MissingSSLMode, worse},
	{"postgresql://u:pw@h/db?sslmode=require?pgbouncer=true", "", MissingSSLMode, worse},
	{"postgresql://u:pw@h/db?sslmode=require&sslmode=disable", "u:pw@h:5432/db plain", ParseError, "pgx takes the last one, others the first"},
	{"postgresql://u:pw@h/db?sslmode=require&", "u:pw@h:5432/db tls", Valid, ""},
	{"postgresql://u:pw@h/db?sslmode=require#x", "", ParseError, ""},
	{"postgresql://u:pw@h/db?sslmode=require&application_name=50%", "", ParseError, ""},

	{"postgresql://u:pw@h/db?sslmode=require&host=i", "u:pw@i:5432/db tls", QueryOverridesAuthority, override},
	{"postgresql://u:pw@h/db?sslmode=require&user=v&password=x&port=1&dbname=y", "v:x@h:1/y tls", QueryOverridesAuthority, override},
	{"postgresql://u:pw@h/db?sslmode=require&database=y", "u:pw@h:5432/y tls", QueryOverridesAuthority, override},
	{"postgresql://u:pw@h/db?sslmode=require&service=x", "", QueryOverridesAuthority, ""},
	{"postgresql://u:pw@h/db?sslmode=require&pgpassword=x", "u:pw@h:5432/db tls, sends pgpassword=x", QueryOverridesAuthority, "pgx would send the password as a parameter, in clear"},

	{"postgresql://u:pw@h/db?sslmode=require&pgbouncer=true", "u:pw@h:5432/db tls, sends pgbouncer=true", Valid, dropped},
	{"postgresql://u:pw@h/db?sslmode=require&application_name=app", "u:pw@h:5432/db tls, sends application_name=app", Valid, "the sidecar is not the app"},
	{"postgresql://u:pw@h/db?sslmode=require&connect_timeout=10", "u:pw@h:5432/db tls", Valid, ""},
	{"postgresql://u:pw@h/db?sslmode=require&options=reference%3Dabc", "u:pw@h:5432/db tls, sends options=reference=abc", Valid, "the ref is the shared pooler's business alone"},
	{"postgresql://u.v:pw" + tail + "&options=reference=v", "", ProjectRefMismatch, "a raw = in a value has one possible reading; libpq insists on %3D"},
	{"postgresql://u:pw@h/db?sslmode=require&application_name=me@home", "u:pw@h:5432/db tls, sends application_name=me@home", PasswordNeedsEncoding, unencoded},
}

// caseReasons explain the differences in testdata/cases.json, by id.
var caseReasons = map[string]string{
	"mysql":         keyword,
	"upper host":    folded,
	"user in query": override,
	"inner newline": "urlsplit removes tabs and line breaks without a word",
	"pw 0":          unencoded,
	"pw 6":          unencoded,
	"loopback dev":  exempt,

	"empty ref": turned, "upper ref": turned, "ref-after-dash": turned, "ref-first": turned,
	"placeholder-brackets": nobodys, "placeholder-brackets-encoded": nobodys, "placeholder-word": nobodys,
	"placeholder-variable": nobodys, "placeholder-mask": nobodys,
	"word-on-loopback-is-fine": exempt, "colon-encoded-in-user": coloned, "no-database": lost,
	"sqlalchemy-asyncpg": driver,
}

func TestPgx(t *testing.T) {
	withoutPG(t)
	for _, c := range shapes {
		r := judge(c.dsn, Prod, "h")
		if r.Code != c.code {
			t.Errorf("%q: we say %s, want %s", c.dsn, r.Code, c.code)
		}
		if got := pgxReading(c.dsn); got != c.pgx {
			t.Errorf("%q: pgx reads\n%s, want\n%s", c.dsn, got, c.pgx)
		}
		explained(t, c.dsn, r, c.why)
	}
}

func TestPgxOnCases(t *testing.T) {
	withoutPG(t)
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ ID, DSN, Env string }
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	unused := maps.Clone(caseReasons)
	for _, c := range cases {
		env, _ := ParseEnv(c.Env)
		explained(t, c.DSN, judge(c.DSN, env), caseReasons[c.ID])
		delete(unused, c.ID)
	}
	for id := range unused {
		t.Errorf("a reason is given for %q, which is not a case", id)
	}
}

// explained fails for a difference without a reason, and for a reason without a
// difference.
func explained(t *testing.T, raw string, r Report, why string) {
	t.Helper()
	pgx, ours := pgxReading(raw), ourReading(r)
	if differ := pgx != ours; differ != (why != "") {
		t.Errorf("%q: the reason is %q, but\npgx reads %q\nwe read   %q", raw, why, pgx, ours)
	}
}

// pgxReading is what pgx makes of a text: user:password@host:port/database, how
// it goes there, and what it sends besides; "" when it refuses.
func pgxReading(raw string) string {
	c, err := pgconn.ParseConfig(raw)
	if err != nil {
		return ""
	}
	if you, err := user.Current(); err == nil && c.User == you.Username {
		c.User = "(you)"
	}
	if strings.HasPrefix(c.Host, "/") {
		c.Host = "(socket)"
	}
	tls, more := "plain", 0
	if c.TLSConfig != nil {
		tls = "tls"
	}
	for _, next := range c.Fallbacks {
		if next.Host == c.Host && next.Port == c.Port {
			tls = "fallback"
		} else {
			more++
		}
	}
	text := readingText(c.User, c.Password, c.Host, c.Port, c.Database, tls, c.RuntimeParams)
	if more > 0 {
		text += fmt.Sprintf(", then %d more", more)
	}
	return text
}

// ourReading is the same of ours. What the guard refuses has been read.
func ourReading(r Report) string {
	switch r.Code {
	case ParseError, MultipleHosts, QueryOverridesAuthority, PasswordPlaceholder, PasswordNeedsEncoding:
		return ""
	}
	d, sent := r.DSN, map[string]string{}
	if d.Reference != "" {
		sent["options"] = "reference=" + d.Reference
	}
	tls := map[string]string{"disable": "plain", "allow": "fallback", "prefer": "fallback", "": "fallback"}
	return readingText(d.User, d.Password.Reveal(), d.Host, d.Port, d.Database, cmp.Or(tls[d.SSLMode], "tls"), sent)
}

func readingText(user, password, host string, port uint16, database, tls string, sent map[string]string) string {
	if password != "" {
		user += ":" + password
	}
	if database != "" {
		database = "/" + database
	}
	text := []string{fmt.Sprintf("%s@%s:%d%s %s", user, host, port, database, tls)}
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		text = append(text, "sends "+name+"="+sent[name])
	}
	return strings.Join(text, ", ")
}

// withoutPG takes everything away that pgx reads besides the text.
func withoutPG(t testing.TB) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "PG") {
			t.Setenv(name, "")
		}
	}
	none := filepath.Join(t.TempDir(), "none")
	t.Setenv("PGPASSFILE", none)
	t.Setenv("PGSERVICEFILE", none)
}
