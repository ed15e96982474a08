package dsn

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// onShared and onLoopback are DSNs with a password as it stands in the text.
func onShared(password string) Report {
	return judge("postgresql://postgres.iaketsyhmqbwaabgykux:"+password+tail, Prod)
}

func onLoopback(password string) Report {
	return judge("postgresql://postgres:"+password+"@127.0.0.1:5432/postgres", Dev)
}

// everywhere are passwords that nobody chose for any database.
var everywhere = []string{
	"${DB_PASSWORD}", "$DB_PASSWORD", "${DB_PASSWORD:-}", "${DB_PASSWORD:?not set}", "${{DB_PASSWORD}}", "${{ secrets.DB_PASSWORD }}",
	"${{shared.DB_PASSWORD}}", "{{DB_PASSWORD}}", "{{ .Values.db.password }}", "{DB_PASSWORD}", "{password}", "$(DB_PASSWORD)",
	"$(cat /run/secrets/db)", "%DB_PASSWORD%", "%PASSWORD%", "%{DB_PASSWORD}", "%(DB_PASSWORD)s", "%env(DB_PASSWORD)%", "#{DB_PASSWORD}", "${{ secrets['PW'] }}",
	"$env:DB_PASSWORD", "$PASSWORD", "$password", "$db_password", "$dbPassword", "$DB_PASS", "$PGPASSWORD", "<%= ENV['X'] %>", "process.env.DB_PASSWORD",
	"****", "*", "••••••••", "●●●", "........", "...", "…", "----", "____", "####", "????", "xxxxxxxx", "XXXX", "∗∗∗∗", "***REDACTED***",
	"[YOUR-PASSWORD]", "[password]", "<password>", "<your password here>", "<YOUR_PASSWORD>", "[[password]]", "<<pw>>", "[kept the brackets1]",
}

// ofTemplates are words of templates: a database of one's own may have them.
var ofTemplates = []string{
	"YOUR-PASSWORD", "YOUR_PASSWORD_HERE", "yourpassword", "Your-Password", "PASSWORD", "password", "NEW_PASSWORD", "newpassword", "your-strong-password",
	"your_super_secret_password", "strong-password", "new-strong-password", "YOUR_DB_PASSWORD", "your-database-password", "DB_PASSWORD", "DATABASE_PASSWORD", "POSTGRES_PASSWORD", "db_pass",
	"ENCODED_PASSWORD", "URL-ENCODED-PASSWORD", "my-password", "your-pw", "yourpass", "change-me", "CHANGEME", "change_this", "REPLACE_ME",
	"PASSWORD_HERE", "INSERT-YOUR-PASSWORD-HERE", "enter_password", "your%20password%20here", "placeholder", "REDACTED", "undefined", "xxx", "your_secret",
	"your-super-secret-and-long-postgres-password", "insert_password_here", "YOUR-URL-ENCODED-PASSWORD", "percent-encoded-password",
}

// chosen are passwords of people and of generators, good and bad ones.
var chosen = []string{
	"secret", "secretpw9", "pw", "p", "x", "xx", "pass", "hunter22", "$ecret123", "$uperman", "%41bc", "100%25", "aXb*c", "**a**b", "Passw0rd!", "password1",
	"my.password.9", "correct-horse-battery-staple", "yourpasswordisweak7", "[a]b", "<3kittens", "<3kittens>", "a${X}", "${}", "{}", "%%", "11111111", "aaaa", "zzzz", "--", "..", "a...",
	"newpasswordnow", "PASSWORD2024", "Change-me-2024", "secretpassword", "app_password", "{kX9#}", "{kX9#fd$s}", "${Xy9HwxRpG'[)e2}", "@{;YJ-99`&-w}", "$(GuIU|(QBEo)", "xkcd", "nullable", "$2b$10$abc", "none",
}

// TestPlaceholder: raw or encoded in any way, what nobody chose is refused, and
// not a step leads to encoding it.
func TestPlaceholder(t *testing.T) {
	for _, password := range everywhere {
		for _, written := range []string{password, Encode(password), encodeAll(password), Encode(Encode(password))} {
			refused(t, onShared(written), written)
			refused(t, onLoopback(written), written)
		}
	}
	for _, password := range ofTemplates {
		for _, written := range []string{password, strings.ToUpper(password), encodeAll(password)} {
			refused(t, onShared(written), written)
		}
		if r := onLoopback(password); !r.Valid() {
			t.Errorf("%s is refused on loopback: %+v", password, r.Findings)
		}
	}
	for _, password := range []string{"APP_PASSWORD", "DRAGONFLY-APP-PASSWORD", "ROLE_PASSWORD_HERE", "MY_PW"} {
		refused(t, onShared(password), password)
	}
	for _, password := range chosen {
		for _, r := range []Report{onShared(Encode(password)), onLoopback(Encode(password))} {
			if !r.Valid() || r.DSN.Password.Reveal() != password {
				t.Errorf("%q is refused: %+v", password, r.Findings)
			}
		}
	}
}

func refused(t *testing.T, r Report, password string) {
	t.Helper()
	first := r.First()
	switch {
	case r.Code != PasswordPlaceholder:
		t.Errorf("%q is %s", password, r.Code)
	case strings.Contains(first.Hint, "dsn encode"), strings.Contains(first.Message+first.Hint, password) && len(password) > len("password"):
		t.Errorf("%q: %+v", password, first)
	case !r.DSN.Password.IsZero(), r.Misconfigured() != "invalid_dsn":
		t.Errorf("%q could be sent", password)
	}
	for _, f := range r.Findings {
		if f.Code == PasswordNeedsEncoding {
			t.Errorf("%q is to be encoded", password)
		}
	}
}

// encodeAll encodes every byte.
func encodeAll(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteString(strings.ToUpper("%" + string("0123456789abcdef"[text[i]>>4]) + string("0123456789abcdef"[text[i]&15])))
	}
	return b.String()
}

// TestPlaceholderPrecedence: other faults of the DSN come after it, for as long
// as the password is none they are not worth correcting.
func TestPlaceholderPrecedence(t *testing.T) {
	for _, raw := range []string{
		"postgresql://postgres:[YOUR-PASSWORD]@db.iaketsyhmqbwaabgykux.supabase.co:5432/postgres",
		"postgresql://postgres.REF:PASSWORD@aws-0-REGION.pooler.supabase.com:6543/postgres?sslmode=require",
		"postgresql://postgres:PASSWORD@aws-0-us-east-1.pooler.supabase.com:5432/postgres",
	} {
		if r := judge(raw, Prod); r.Code != PasswordPlaceholder || len(r.Findings) < 2 {
			t.Errorf("%s: %+v", raw, r.Findings)
		}
	}
}

// TestRandomPasswords: what a password manager makes is never taken for a
// placeholder. Its alphabets are those that people choose from; the shapes of
// placeholders that chance could make are left out.
func TestRandomPasswords(t *testing.T) {
	const letters, digits, signs = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "!@#$%^&*()-_=+[]{}<>?/|~.,:;'\"\\`"
	alphabets := []string{letters, letters + digits, letters + digits + "-_.", letters + digits + signs, digits + signs, letters[:26] + digits}
	rapid.Check(t, func(t *rapid.T) {
		alphabet := rapid.SampledFrom(alphabets).Draw(t, "alphabet")
		password := string(rapid.SliceOfN(rapid.SampledFrom([]byte(alphabet)), 12, 40).Draw(t, "password"))
		shape := strings.Count(password, password[:1]) == len(password) || // rapid likes them
			strings.ContainsAny(password[:1], "$%#@{[<*") && strings.ContainsAny(password[len(password)-1:], "}]>%)*") ||
			strings.HasPrefix(password, "$") && strings.Trim(password[1:], letters+digits+"_") == ""
		if r := onShared(Encode(password)); !r.Valid() && !shape {
			t.Fatalf("%q: %+v", password, r.Findings)
		}
	})
}
