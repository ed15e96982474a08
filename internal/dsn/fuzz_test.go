package dsn

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse: no text makes Judge panic, a valid one is read alike by everybody,
// and the redacted form, read again, says the same in all that it can carry.
func FuzzParse(f *testing.F) {
	withoutPG(f)
	f.Fuzz(func(t *testing.T, raw string) {
		for _, env := range []Env{Prod, Dev} {
			r := judge(raw, env, "pgbouncer")
			if r.Valid() {
				agree(t, raw, r.DSN)
			}
			readAgain(t, r.DSN, env)
		}
	})
}

// readAgain reads the redacted form. It carries no password, no query and at
// most a part of the user, so that it is never valid.
func readAgain(t *testing.T, d DSN, env Env) {
	t.Helper()
	text := d.Redacted()
	again := judge(text, env, "pgbouncer")
	type public struct {
		mode     Mode
		host     string
		port     uint16
		region   string
		database string
		userBase string // known where the user has a ref
		key      string // does not depend on the user, but on a shared host
	}
	carried := func(d, like DSN) public {
		p := public{mode: d.Mode, host: d.Host, port: d.Port, region: d.Region}
		_, _, hasRef := like.userRef()
		if !like.noDatabase {
			p.database = d.Database
		}
		if hasRef && like.Mode == ModeShared && roleShape.MatchString(like.UserBase) && !strings.Contains(like.UserBase, ".") {
			p.userBase = d.UserBase
		}
		if like.Mode != ModeShared {
			p.key = d.Key()
		}
		return p
	}
	if got, want := carried(again.DSN, d), carried(d, d); got != want {
		t.Errorf("%s is read again as %+v, was %+v", text, got, want)
	}
	if again.Valid() || again.DSN.Encoding != Missing {
		t.Errorf("%s is %s, with a password %s", text, again.Code, again.DSN.Encoding)
	}
}

// frames are texts around a password, right and wrong ones.
var frames = []string{
	"postgresql://postgres.iaketsyhmqbwaabgykux:•@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require",
	"postgresql://app:•@db.iaketsyhmqbwaabgykux.supabase.co/postgres?sslmode=prefer&pgbouncer=true",
	"postgres://postgres:•@[::1]:6432",
	"postgresql://u:•@one,two/db",
	"postgresql://u:•@h/db?user=v",
	"postgresql://u@h/db?password=•",
	"postgresql://u@h/db?x=1&PGPASSWORD=•",
	"postgresql://u:•@",
	"postgresql://:•@h",
	"postgresql://postgres.iaketsyhmqbwaabgykux%3A•@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require",
	"postgresql://postgres%3a•.iaketsyhmqbwaabgykux@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require",
	"postgresql://app%253A•:other@db.iaketsyhmqbwaabgykux.supabase.co:6543/postgres",
	"postgresql://app%3A•@localhost",
	"postgresql://postgres.•:iaketsyhmqbwaabgykux@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require",
	"postgresql://•:postgres.iaketsyhmqbwaabgykux@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require",
	"DATABASE_URL='postgres://u:•@h/db'",
	"jdbc:postgresql://h/db?user=u&password=•",
	"host=h user=u password='•' dbname=db",
	"•",
}

// FuzzRedact: no piece of a password comes out of anything, however it stands
// in whatever text (docs/design.md#invariants-and-their-tests, 5).
func FuzzRedact(f *testing.F) {
	words := ourWords(f)
	public := make([]string, len(frames))
	for i, frame := range frames {
		public[i] = words + strings.ReplaceAll(frame, "•", " ")
		for _, other := range []string{"", "7777777", "%37777777", "777+777", "777@777"} {
			public[i] += everything(strings.ReplaceAll(frame, "•", other))
		}
		public[i] = fold(public[i])
	}
	f.Fuzz(func(t *testing.T, n byte, password string) {
		if len(password) > 60 {
			return // longer ones are only slower
		}
		i := int(n) % len(frames)
		for _, written := range []string{password, Encode(password)} {
			noPiece(t, frames[i], written, public[i])
		}
	})
}

// noPiece looks for every 4 characters of a password, in any case. They may also
// be public: in the rest of the text, in our own words, or in what comes out for
// another password. Stars and hexadecimal numbers alone prove nothing: masks,
// hashes and addresses have them.
func noPiece(t *testing.T, frame, password, public string) {
	t.Helper()
	plain, _ := decode(password)
	out := fold(everything(strings.ReplaceAll(frame, "•", password), password, plain, Encode(plain)))
	for _, spelling := range []string{password, plain, Encode(plain)} {
		spelling = fold(spelling)
		for i := range max(0, len(spelling)-pieceLength+1) {
			piece := spelling[i : i+pieceLength]
			if strings.Contains(piece, "*") || strings.Trim(piece, "0123456789abcdefx ") == "" {
				continue
			}
			if at := strings.Index(out, piece); at >= 0 && !strings.Contains(public, piece) {
				t.Fatalf("%q in %q: %q comes out in ...%s...", password, frame, piece, out[max(0, at-80):min(len(out), at+80)])
			}
		}
	}
}

// ourWords returns the text of this package, which holds all of our own words.
func ourWords(f *testing.F) string {
	names, _ := filepath.Glob("*.go")
	var all strings.Builder
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// FuzzEncode: whatever the password, what is built is read back as it was by
// us, by pgx and by Python, who also encodes it like us.
func FuzzEncode(f *testing.F) {
	withoutPG(f)
	python := startPython(f)
	f.Fuzz(func(t *testing.T, password string) {
		raw, err := Build(BuildOptions{User: "postgres", Ref: seedProdRef, Region: "us-east-1", Password: NewSecret(password)})
		if password == "" || strings.Contains(password, "\x00") {
			if err == nil {
				t.Fatalf("%q was built", password)
			}
			return
		}
		r := judge(raw, Prod)
		if err == nil && r.Code == PasswordPlaceholder {
			return
		}
		if err != nil || !r.Valid() || r.DSN.Password.Reveal() != password {
			t.Fatalf("%q: %v, %+v", password, err, r.Findings)
		}
		agree(t, raw, r.DSN)
		python.agrees(t, raw, password)
	})
}

// FuzzGuard: in production only the whole name of a host counts. Whatever is
// put before or after it, either we refuse, or everybody goes to that host.
func FuzzGuard(f *testing.F) {
	withoutPG(f)
	hosts := []string{"aws-0-us-east-1.pooler.supabase.com", "db.iaketsyhmqbwaabgykux.supabase.co", "pgbouncer"}
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, host := range hosts {
			for _, user := range []string{"postgres", "postgres." + seedProdRef} {
				raw := "postgresql://" + user + ":secret@" + before + host + after + ":6543/postgres?sslmode=require"
				r := judge(raw, Prod, "pgbouncer")
				if !r.Valid() {
					continue
				}
				agree(t, raw, r.DSN)
				if r.DSN.Host != host {
					t.Errorf("%q is accepted, and leads to %s", raw, r.DSN.Host)
				}
			}
		}
	})
}
