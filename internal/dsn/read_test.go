package dsn

import (
	"slices"
	"strings"
	"testing"
)

// TestUnreadable holds texts that some reader takes without an error, and that
// end up somewhere else (docs/facts.md#accepted-dsns). None of them may show any of itself.
func TestUnreadable(t *testing.T) {
	const mark = "zq7zq7"
	for name, raw := range map[string]string{
		"empty":               "",
		"blank":               "  \n",
		"leading space":       " " + sharedProd,
		"trailing newline":    sharedProd + "\n",
		"tab":                 strings.Replace(sharedProd, "/postgres?", "/post\tgres?", 1),
		"double quotes":       `"` + sharedProd + `"`,
		"single quotes":       `'` + sharedProd + `'`,
		"variable":            "DATABASE_URL=" + sharedProd,
		"export":              `export DATABASE_URL="` + sharedProd + `"`,
		"keywords":            "host=h user=u password=" + mark,
		"upper scheme":        strings.Replace(sharedProd, "postgresql", "POSTGRESQL", 1),
		"driver in capitals":  strings.Replace(sharedProd, "postgresql", "postgresql+AsyncPG", 1),
		"jdbc":                "jdbc:postgresql://h/db?user=u&password=" + mark,
		"one slash":           "postgresql:/u:" + mark + "@h/db",
		"pasted password":     mark,
		"no user":             "postgresql://localhost:5432/postgres",
		"only a password":     "postgresql://:" + mark + "@h/db",
		"password for a host": "postgresql://" + mark,
		"password for a port": "postgresql://postgres:" + mark,
		"no host":             "postgresql://u:" + mark + "@:6543/db",
		"no host at all":      "postgresql://u:" + mark + "@/db",
		"empty port":          "postgresql://u:" + mark + "@h:/db",
		"port 0":              "postgresql://u:" + mark + "@h:0/db",
		"port too big":        "postgresql://u:" + mark + "@h:65536/db",
		"port with sign":      "postgresql://u:" + mark + "@h:+543/db",
		"two dots at the end": "postgresql://u:" + mark + "@h..:6543/db",
		"encoded host":        "postgresql://u:" + mark + "@%68ost:6543/db",
		"socket":              "postgresql://u:" + mark + "@%2Ftmp/db",
		"IPv6 bare":           "postgresql://u:" + mark + "@::1:5432/db",
		"IPv6 open":           "postgresql://u:" + mark + "@[::1:5432/db",
		"IPv6 zone":           "postgresql://u:" + mark + "@[fe80::1%25eth0]:5432/db",
		"IPv4 in brackets":    "postgresql://u:" + mark + "@[127.0.0.1]:5432/db",
		"text after bracket":  "postgresql://u:" + mark + "@[::1]x:5432/db",
		"two slashes":         "postgresql://u:" + mark + "@h/db/x",
		"raw in database":     "postgresql://u:" + mark + "@h/d+b",
		"newline in database": "postgresql://u:" + mark + "@h/d%0Ab",
		"newline in user":     "postgresql://u%0A:" + mark + "@h/db",
		"raw in user":         "postgresql://$USER:" + mark + "@h/db",
		"@ in user":           "postgresql://u@corp:" + mark + "@h/db",
		"dot before ref":      "postgresql://.iaketsyhmqbwaabgykux:" + mark + tail,
		"fragment":            sharedProd + "#x",
		"space in query":      sharedProd + "&application_name=a b",
		"@ in query":          sharedProd + "&application_name=me@home",
		"curly quote":         sharedProd + "”",
		"bad % in query":      sharedProd + "&application_name=50%",
		"sslmode twice":       sharedProd + "&sslmode=disable",
		"plus in sslrootcert": sharedProd + "&sslrootcert=/c++.pem",
		"zero in password":    "postgresql://u:" + mark + "%00" + tail,
	} {
		t.Run(name, func(t *testing.T) {
			r := judge(raw, Prod)
			if r.Code != ParseError {
				t.Fatalf("code %s, want %s; findings %+v", r.Code, ParseError, r.Findings)
			}
			if strings.Contains(outputs(r), mark) {
				t.Errorf("the output repeats the text:\n%s", outputs(r))
			}
			if r.DSN.Host != "" || r.DSN.User != "" || !r.DSN.Password.IsZero() || r.DSN.Mode != ModeUnknown {
				t.Errorf("an unreadable text gives %+v", r.DSN)
			}
		})
	}
}

func TestPasswordEncoding(t *testing.T) {
	for password, want := range map[string]Encoding{
		"abcXYZ019-._~": SafePlain,
		"p%40ss":        Encoded,
		"p%2fss":        Encoded,
		"":              Missing,
		"p@ss":          NeedsEncoding,
		"p@ss@word":     NeedsEncoding,
		"p/w":           NeedsEncoding,
		"12/ab":         NeedsEncoding,
		"p?w":           NeedsEncoding,
		"p#w":           NeedsEncoding,
		"a@b/c":         NeedsEncoding,
		"p w":           NeedsEncoding,
		"p:w":           NeedsEncoding,
		"p+w":           NeedsEncoding,
		"p!w":           NeedsEncoding,
		"p[w":           NeedsEncoding,
		"100%":          NeedsEncoding,
		"%4":            NeedsEncoding,
		"%zz":           NeedsEncoding,
		"pässword":      NeedsEncoding,
		"p\xffw":        NeedsEncoding,
	} {
		r := judge("postgresql://postgres.iaketsyhmqbwaabgykux:"+password+tail, Prod)
		code := map[Encoding]Code{SafePlain: Valid, Encoded: Valid, NeedsEncoding: PasswordNeedsEncoding, Missing: PasswordMissing}[want]
		if r.DSN.Encoding != want || r.Code != code {
			t.Errorf("%q: %s and %s, want %s and %s", password, r.DSN.Encoding, r.Code, want, code)
		}
		if r.DSN.Host != "aws-0-us-east-1.pooler.supabase.com" || r.DSN.User != "postgres.iaketsyhmqbwaabgykux" {
			t.Errorf("%q: the last @ was not taken: %s", password, r.DSN)
		}
		if r.DSN.Password.IsZero() != (code != Valid) {
			t.Errorf("%q: a password in doubt is handed on, or a sure one is not", password)
		}
	}
}

func TestFields(t *testing.T) {
	d := judge("postgresql://my.app.iaketsyhmqbwaabgykux:p%40ss@AWS-0-US-EAST-1.pooler.supabase.com.:6543/my%20db?sslmode=verify-full&sslrootcert=/etc/ca.pem&pgbouncer=true&%0a=1&options=-c%20a%3Db&application_name=x&connect_timeout=5", Prod).DSN
	if d.Host != "aws-0-us-east-1.pooler.supabase.com" || d.Port != 6543 || d.Region != "us-east-1" || d.Mode != ModeShared {
		t.Errorf("place: %+v", d)
	}
	if d.User != "my.app.iaketsyhmqbwaabgykux" || d.UserBase != "my.app" || d.ProjectRef != "iaketsyhmqbwaabgykux" || d.Password.Reveal() != "p@ss" || d.Database != "my db" {
		t.Errorf("credential: %+v", d)
	}
	if d.SSLMode != "verify-full" || d.SSLRootCert != "/etc/ca.pem" || d.Reference != "" {
		t.Errorf("parameters: %+v", d)
	}
	if want := []string{"pgbouncer", "(unreadable name)", "options"}; !slices.Equal(d.Dropped, want) {
		t.Errorf("dropped %q, want %q", d.Dropped, want)
	}
	d = judge("postgresql://app:pw@localhost?options=reference%3Diaketsyhmqbwaabgykux", Dev).DSN
	if d.Database != "app" || d.Port != 5432 || d.SSLMode != "disable" || d.Reference != "" || d.ProjectRef != "" || len(d.Dropped) != 1 {
		t.Errorf("defaults: %+v, dropped %v", d, d.Dropped)
	}
}

func TestQueryPasswordIsNotRead(t *testing.T) {
	r := judge("postgresql://app:secret"+tail+"&password=zq7&zq7zq7=1&x", Prod)
	if r.Code != QueryOverridesAuthority || strings.Contains(outputs(r), "zq7") {
		t.Errorf("code %s, output:\n%s", r.Code, outputs(r))
	}
}
