package dsn

import (
	"strings"
	"testing"
)

const password = "Zq7vKp2Wx9Lm"

// printedParts is all that any command, page, metric or log prints of a judgement.
func printedParts(r Report) string {
	d := r.DSN
	text := []string{string(r.Code), d.PublicRole(), d.PublicDatabase(), d.Redacted(), d.RedactedUser(), d.Line(),
		d.KeySource(), d.ProjectRef, d.Host, d.Region, d.SSLMode, d.SSLRootCert, strings.Join(d.Dropped, " ")}
	for _, f := range r.Findings {
		text = append(text, f.Message, f.Hint)
	}
	return strings.Join(text, separator)
}

// TestPasswordInUser: a password that got into the user's place is shown nowhere,
// encoded with the user, turned round with it or alone.
func TestPasswordInUser(t *testing.T) {
	hosts := []string{"aws-0-us-east-1.pooler.supabase.com:6543/postgres", "db.iaketsyhmqbwaabgykux.supabase.co:6543/postgres", "db.iaketsyhmqbwaabgykux.supabase.co", "pgbouncer:6432/app", "localhost", "evil.example/x"}
	users := map[string]Code{ // with the code on every host, where it is one
		"postgres.iaketsyhmqbwaabgykux%3A" + password:             PasswordNeedsEncoding,
		"postgres.iaketsyhmqbwaabgykux%3a" + password + ":x":      PasswordNeedsEncoding,
		"postgres.iaketsyhmqbwaabgykux%253A" + password:           PasswordNeedsEncoding,
		"postgres%3A" + password:                                  PasswordNeedsEncoding,
		"postgres%3A" + password + ".iaketsyhmqbwaabgykux":        PasswordNeedsEncoding,
		"postgres%3A" + password + ".iaketsyhmqbwaabgykux:secret": PasswordNeedsEncoding,
		"postgres." + password + ":iaketsyhmqbwaabgykux":          "",
		"postgres." + password + ":postgres.iaketsyhmqbwaabgykux": "",
		"postgres." + password + ":" + otherRef:                   "",
		"postgres." + password:                                    "",
		password + ":postgres.iaketsyhmqbwaabgykux":               "",
		password + ":postgres":                                    "",
		password + ":x":                                           "",
		password:                                                  "",
		password + ".postgres:x":                                  "",
	}
	for user, want := range users {
		for _, host := range hosts {
			for _, env := range []Env{Prod, Dev} {
				r := judge("postgresql://"+user+"@"+host+"?sslmode=require", env, "pgbouncer")
				out := fold(printedParts(r))
				for i := range len(password) - pieceLength + 1 {
					if piece := fold(password)[i : i+pieceLength]; strings.Contains(out, piece) {
						t.Errorf("%s@%s: %s comes out in %s", user, host, piece, out)
						break
					}
				}
				if first := r.First(); want != "" && r.Code != want && (r.Code != ParseError || first == nil || !strings.Contains(first.Hint, "/postgres")) {
					t.Errorf("%s@%s is %s, want %s", user, host, r.Code, want)
				}
			}
		}
	}
}

// TestKeyOfInvalidRef: the public hash is of no password.
func TestKeyOfInvalidRef(t *testing.T) {
	key := func(user string) string { return judge("postgresql://"+user+tail, Prod).DSN.Key() }
	if a, b := key("postgres."+password+":x"), key("postgres.other:x"); a != b || a == "" {
		t.Errorf("%q and %q", a, b)
	}
	if r := judge("postgresql://postgres."+password+":x"+tail, Prod); r.DSN.ProjectRef != "invalid" || r.DSN.KeySource() != "shared/invalid" {
		t.Errorf("%s, %s", r.DSN.ProjectRef, r.DSN.KeySource())
	}
}

// TestUserHints: whatever way a ref got into the user, the hint is the right form.
func TestUserHints(t *testing.T) {
	const ref, shared, db = seedProdRef, "aws-0-us-east-1.pooler.supabase.com", "db." + seedProdRef + ".supabase.co"
	for _, c := range []struct {
		user, host string
		code       Code
		want       string // after "Write the user as "
	}{
		{"postgres", shared, SharedUserMissingRef, "postgres." + ref},
		{"postgres-" + ref, shared, SharedUserMissingRef, "postgres." + ref},
		{"postgres_" + ref, shared, SharedUserMissingRef, "postgres." + ref},
		{"postgres-" + otherRef, shared, SharedUserMissingRef, "postgres." + ref},
		{"dragonfly_app-" + ref, shared, SharedUserMissingRef, "dragonfly_app." + ref},
		{ref, shared, SharedUserMissingRef, "postgres." + ref},
		{ref + ".postgres", shared, ProjectRefMismatch, "postgres." + ref},
		{otherRef + ".postgres", shared, ProjectRefMismatch, "postgres." + ref},
		{"postgres." + ref + "." + ref, shared, ProjectRefMismatch, "postgres." + ref},
		{"postgres." + otherRef + "." + ref, shared, ProjectRefMismatch, "postgres." + ref},
		{"postgres." + ref + "." + otherRef, shared, ProjectRefMismatch, "postgres." + ref},
		{"postgres-" + ref + "." + ref, shared, ProjectRefMismatch, "postgres." + ref},
		{ref + "." + ref, shared, ProjectRefMismatch, "postgres." + ref},
		{"my.user." + otherRef, shared, ProjectRefMismatch, "my.user." + ref},
		{"postgres." + strings.ToUpper(ref), shared, ProjectRefMismatch, "postgres." + ref},
		{"postgres.PROJECT_REF", shared, ProjectRefMismatch, "postgres." + ref},
		{"my.user." + ref, shared, Valid, ""},
		{"MyRole." + ref, shared, Valid, ""},
		{"a_role_of_twenty_nam." + ref, shared, Valid, ""},
		{"postgres." + ref, db, DedicatedUserHasRef, "postgres,"},
		{"postgres-" + ref, db, DedicatedUserHasRef, "postgres,"},
		{ref + ".postgres", db, DedicatedUserHasRef, "postgres,"},
		{"postgres." + ref + "." + ref, db, DedicatedUserHasRef, "postgres,"},
		{"postgres." + otherRef + "." + ref, db, DedicatedUserHasRef, "postgres,"},
		{"postgres." + otherRef, db, ProjectRefMismatch, "postgres,"},
		{"postgres." + ref + "." + otherRef, db, ProjectRefMismatch, "postgres,"},
		{"postgres-" + seedDevRef, db, ProjectRefMismatch, "postgres,"},
		{"my.user", db, Valid, ""},
		{password, shared, SharedUserMissingRef, "ROLE." + ref},
		{"postgres." + password, shared, ProjectRefMismatch, "postgres." + ref},
	} {
		r := judge("postgresql://"+c.user+":secret9@"+c.host+":6543/postgres?sslmode=require", Prod)
		hint := ""
		if first := r.First(); first != nil {
			hint = first.Hint
		}
		if r.Code != c.code || c.want != "" && !strings.HasPrefix(hint+" ", "Write the user as "+c.want) {
			t.Errorf("%s@%s: %s, %s", c.user, c.host, r.Code, hint)
		}
		if strings.Count(hint, ref) > 2 {
			t.Errorf("%s@%s: %s", c.user, c.host, hint)
		}
	}
}

// TestOwnProject: whoever has another project than the defaults is told which variable
// names it. Where the ref is known, or is none, nobody is.
func TestOwnProject(t *testing.T) {
	for raw, want := range map[string]string{
		"postgres." + otherRef + ":secret9@aws-0-us-east-1.pooler.supabase.com":                        "prod SIDECAR_PROD_REF dev SIDECAR_DEV_REF",
		"app:secret9@db." + otherRef + ".supabase.co":                                                  "prod SIDECAR_PROD_REF dev SIDECAR_DEV_REF",
		"postgres." + seedDevRef + ":secret9@aws-0-us-east-1.pooler.supabase.com":                      "prod - dev -",
		"postgres." + seedProdRef + ":secret9@aws-0-us-east-1.pooler.supabase.com":                     "prod - dev -",
		"postgres.REF:secret9@aws-0-us-east-1.pooler.supabase.com":                                     "prod - dev -",
		"postgres." + seedProdRef + "." + seedProdRef + ":secret9@aws-0-us-east-1.pooler.supabase.com": "prod - dev -",
	} {
		var got []string
		for _, env := range []Env{Prod, Dev} {
			name := "-"
			if first := judge("postgresql://"+raw+":6543/postgres?sslmode=require", env).First(); first != nil {
				if _, after, found := strings.Cut(first.Hint, "; or set "); found {
					var ref string
					name, ref, _ = strings.Cut(strings.TrimSuffix(after, ", if that is your project"), "=")
					if ref != otherRef {
						t.Errorf("%s: %s", raw, first.Hint)
					}
				}
			}
			got = append(got, string(env), name)
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}

// TestTurnedRound: a word in the user's place beside a password that is a user.
func TestTurnedRound(t *testing.T) {
	for _, user := range []string{"correcthorse", "correcthorse.battery", "postgres.correcthorse"} {
		r := judge("postgresql://"+user+":postgres.iaketsyhmqbwaabgykux"+tail, Prod)
		if out := printedParts(r); strings.Contains(out, "correct") || strings.Contains(out, "battery") || !strings.Contains(out, "turned round") {
			t.Errorf("%s: %s", user, out)
		}
	}
}

// TestPublicRole: a role is shown where it is one by its ref or its look.
func TestPublicRole(t *testing.T) {
	for raw, want := range map[string][2]string{
		sharedProd: {"postgres", "postgres"},
		"postgresql://My.App.iaketsyhmqbwaabgykux:secret" + tail:                {"My.App", "postgres"},
		"postgresql://dragonfly_app:x@localhost":                                {"dragonfly_app", "dragonfly_app"},
		"postgresql://" + password + ":x@localhost":                             {"Zq7***", "Zq7***"},
		"postgresql://horse@localhost":                                          {"hor***", "hor***"},
		"postgresql://correcthorse:postgres.iaketsyhmqbwaabgykux@localhost/app": {"cor***", "app"},
		"postgresql://correcthorse:postgres.iaketsyhmqbwaabgykux" + tail:        {"cor***", "postgres"},
		"postgresql://app:x@db.iaketsyhmqbwaabgykux.supabase.co:6543":           {"app", "app"},
	} {
		if d := judge(raw, Prod).DSN; d.PublicRole() != want[0] || d.PublicDatabase() != want[1] {
			t.Errorf("%s: role %s, database %s", raw, d.PublicRole(), d.PublicDatabase())
		}
	}
}
