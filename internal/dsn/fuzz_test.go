package dsn

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzJudge: no text makes Judge panic, a valid one is read alike by everybody,
// and no piece of what could be the password reaches any output.
func FuzzJudge(f *testing.F) {
	for _, raw := range []string{
		sharedProd,
		"postgresql://u:a@b/cdefg@db.iaketsyhmqbwaabgykux.supabase.co/x",
		"postgresql://u:s3cr3t#?@[::1]:1/d?sslmode=prefer&options=reference%3Dabc",
		"postgresql://u@h,i/d?password=hunter2&hunter3",
		"postgresql://u.iaketsyhmqbwaabgykux:p%2Fw@localhost",
		"host=h password=hunter2",
		"DATABASE_URL='postgres://u:hunter2@h'",
		"postgresql://hunter2",
	} {
		f.Add(raw)
	}
	words := sources(f)
	f.Fuzz(func(t *testing.T, raw string) {
		for _, env := range []Env{Prod, Dev} {
			r := judge(raw, env)
			if r.Valid() {
				agree(t, raw, r.DSN)
			}
			noPiece(t, raw, r, words)
		}
	})
}

// noPiece checks invariant 5 with 4 characters at a time. A piece may also
// stand in the rest of the DSN, in our own words, or in what comes out for
// another password.
func noPiece(t *testing.T, raw string, r Report, words string) {
	t.Helper()
	start, end, found := passwordSpan(raw)
	if !found {
		if r.Code != ParseError {
			return // no password, or one in the query, which is not read
		}
		start, end = 0, len(raw)
	}
	rest := raw[:start] + " " + raw[end:]
	plainRest, _ := decode(rest)
	neutral := judge(raw[:start]+strings.Repeat("7", 7)+raw[end:], Prod)
	public := strings.Join([]string{rest, strings.ToLower(rest), plainRest, Encode(plainRest), outputs(neutral)}, " ")

	s := NewScrubber(raw, r.DSN)
	plain, _ := decode(raw[start:end])
	for _, password := range []string{raw[start:end], plain, Encode(plain)} {
		out := outputs(r) + s.Scrub("<"+password+">")
		for i := range max(0, len(password)-pieceLength+1) {
			piece := password[i : i+pieceLength]
			if strings.Contains(out, piece) && !strings.Contains(piece, "*") &&
				!strings.Contains(public, piece) && !strings.Contains(words, piece) {
				t.Fatalf("%q: %q comes out:\n%s", raw, piece, out)
			}
		}
	}
}

// sources returns the text of this package: all of our own words.
func sources(f *testing.F) string {
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

// FuzzEncode: whatever the password, the encoded form is read back as it was by
// everybody, and nothing of it comes out.
func FuzzEncode(f *testing.F) {
	for _, password := range []string{"MyP@ss+word!/123", "100%", "pässword", "a b#c?d", "\xff\x01\n", "%2F", "~._-"} {
		f.Add(password)
	}
	words := sources(f)
	f.Fuzz(func(t *testing.T, password string) {
		raw, err := Build(BuildOptions{User: "postgres", Ref: seedProdRef, Region: "us-east-1", Password: NewSecret(password)})
		if password == "" || strings.Contains(password, "\x00") {
			if err == nil {
				t.Fatalf("%q was built", password)
			}
			return
		}
		r := judge(raw, Prod)
		if err != nil || !r.Valid() || r.DSN.Password.Reveal() != password {
			t.Fatalf("%q: %v, %+v", password, err, r.Findings)
		}
		agree(t, raw, r.DSN)
		noPiece(t, raw, r, words)
	})
}

// FuzzGuardHost: in production only the whole name of a host counts, whatever
// stands before or after it.
func FuzzGuardHost(f *testing.F) {
	for _, around := range []string{".evil.example", "evil.", "-", "x", "..", ":6543,evil"} {
		f.Add(around, around)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.ContainsAny(before+after, "/?#@:,%") {
			return // no longer a part of the name
		}
		for _, host := range []string{"aws-0-us-east-1.pooler.supabase.com", "db.iaketsyhmqbwaabgykux.supabase.co", "pgbouncer"} {
			name := plainHost(before + host + after)
			if name == host {
				continue
			}
			user := "postgresql://postgres.iaketsyhmqbwaabgykux:secret@"
			if r := judge(user+before+host+after+":6543/postgres?sslmode=require", Prod, "pgbouncer"); r.Valid() && !sharedHost.MatchString(name) {
				t.Errorf("%q is accepted", name)
			}
		}
	})
}
