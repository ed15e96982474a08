package dsn

import (
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
)

// verbs are all that fmt knows, and one that it does not.
var verbs = []string{
	"v", "+v", "#v", "s", "+s", "q", "#q", "x", "X", "# x", "d", "t", "c", "b", "o", "O",
	"U", "e", "f", "g", "p", "T", "20v", ".3s", "!",
}

// separator stands between outputs; no password has one.
const separator = "•"

// timeless leaves the time out of a log line.
var timeless = &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey && len(groups) == 0 {
		return slog.Attr{}
	}
	return a
}}

// printed is values in every way that Go prints.
func printed(values ...any) string {
	var out strings.Builder
	for _, value := range values {
		for _, verb := range verbs {
			fmt.Fprintf(&out, "%"+verb+separator, value)
		}
		data, _ := json.Marshal(value)
		out.Write(data)
		data, _ = xml.Marshal(value)
		out.Write(data)
		gob.NewEncoder(&out).Encode(value)
		slog.New(slog.NewTextHandler(&out, timeless)).Info("text", "value", value)
		slog.New(slog.NewJSONHandler(&out, timeless)).Info("json", "value", value)
	}
	return out.String()
}

// outputs is everything that a Report gives to print.
func outputs(r Report) string {
	d := r.DSN
	return strings.Join([]string{
		printed(r, &d), d.Redacted(), d.RedactedUser(), d.Line(), d.Key(), d.KeySource(),
		d.Fingerprint([]byte("key")), strings.Join(d.Dropped, " "), d.User, d.Host, d.Database, d.ProjectRef,
		d.PublicRole(), d.PublicDatabase(),
	}, separator)
}

// everything is what any function of this package gives out for a DSN, and what
// its scrubber leaves of texts.
func everything(raw string, texts ...string) string {
	r := judge(raw, Prod)
	s := NewScrubber(raw, r.DSN)
	_, noPlace := WithPassword(raw, NewSecret(mask))
	_, noUser := Build(BuildOptions{User: "\n", Password: r.DSN.Password})
	out := []string{
		outputs(r), fmt.Sprintf("%+v", judge(raw, Dev)), fmt.Sprint(noPlace, noUser),
		printed(s, struct{ hidden Scrubber }{*s}), s.Scrub(raw), s.Scrub(strconv.Quote(raw)),
	}
	for _, text := range texts {
		out = append(out, s.Scrub("<"+text+">"))
	}
	return strings.Join(out, separator)
}

func TestRedacted(t *testing.T) {
	for raw, want := range map[string]string{
		sharedProd: "postgresql://postgres.iaketsyh****@aws-0-us-east-1.pooler.supabase.com:6543/postgres",
		"postgresql://dragonfly_app:secret@db.iaketsyhmqbwaabgykux.supabase.co:6543/postgres?sslmode=require": "postgresql://dra***@db.iaketsyhmqbwaabgykux.supabase.co:6543/postgres",
		"postgresql://me:secret@[::1]/my%20db":                                        "postgresql://me***@[::1]:5432/my%20db",
		"postgresql://postgres.abc:secret@aws-0-us-east-1.pooler.supabase.com:6543/x": "postgresql://postgres.invalid****@aws-0-us-east-1.pooler.supabase.com:6543/x",
		"postgresql://dragonfly_app:secret@localhost":                                 "postgresql://dra***@localhost:5432",
		"nothing": "postgresql://****",
	} {
		if got := judge(raw, Prod).DSN.Redacted(); got != want {
			t.Errorf("redacted %s, want %s", got, want)
		}
	}
}

func TestLine(t *testing.T) {
	for raw, want := range map[string]string{
		sharedProd:                           "[DB] pooler_mode=shared host=aws-0-us-east-1.pooler.supabase.com port=6543 user=postgres.*** project_ref=iaketsyhmqbwaabgykux sslmode=require password_encoding=safe_plain",
		"postgresql://postgres:pw@localhost": "[DB] pooler_mode=unknown host=localhost port=5432 user=pos*** project_ref=none sslmode=disable password_encoding=safe_plain",
		"":                                   "[DB] pooler_mode=unknown host=none port=0 user=none project_ref=none sslmode=none password_encoding=missing",
	} {
		if got := judge(raw, Dev).DSN.Line(); got != want {
			t.Errorf("line\n%s, want\n%s", got, want)
		}
	}
	if (DSN{}).Line() != judge("", Dev).DSN.Line() {
		t.Error("the zero value prints another line than an unreadable text")
	}
}

func TestKey(t *testing.T) {
	key := func(raw string) string { return judge(raw, Prod).DSN.Key() }
	shared := key(sharedProd)
	if len(shared) != 8 {
		t.Errorf("key %q", shared)
	}
	for raw, same := range map[string]bool{
		"postgresql://app:x@aws-1-eu-west-1.pooler.supabase.com:5432/postgres?options=reference%3Diaketsyhmqbwaabgykux": true,
		"postgresql://postgres.ejiddanxtqcleyswqvkc:secret" + tail:                                                      false,
		"postgresql://app:x@db.iaketsyhmqbwaabgykux.supabase.co:6543/postgres":                                          false,
	} {
		if got := key(raw); (got == shared) != same {
			t.Errorf("%s: same key %v, want %v", raw, !same, same)
		}
	}
	if key("postgresql://a:x@db.iaketsyhmqbwaabgykux.supabase.co:6543/x") != key("postgresql://b@db.iaketsyhmqbwaabgykux.supabase.co/y") {
		t.Error("the two ports of a db host differ in key")
	}
	if key("postgresql://a:x@one:1") == key("postgresql://a:x@one:2") {
		t.Error("two ports of a plain host share a key")
	}
	if key("nothing") != "" {
		t.Error("an unreadable text has a key")
	}
}

func TestFingerprint(t *testing.T) {
	print := func(raw, key string) string { return judge(raw, Prod).DSN.Fingerprint([]byte(key)) }
	base := print(sharedProd, "k")
	seen := map[string]string{base: "base"}
	for name, other := range map[string]string{
		"password": print(strings.Replace(sharedProd, "secret", "secreu", 1), "k"),
		"user":     print(strings.Replace(sharedProd, "postgres.", "app.", 1), "k"),
		"database": print(strings.Replace(sharedProd, "/postgres?", "/other?", 1), "k"),
		"ref":      print(strings.Replace(sharedProd, "iak", "iaq", 1), "k"),
		"key":      print(sharedProd, "l"),
	} {
		if before, taken := seen[other]; taken {
			t.Errorf("another %s has the fingerprint of %s", name, before)
		}
		seen[other] = name
	}
	if print(strings.Replace(sharedProd, "secret", "%73ecret", 1), "k") != base {
		t.Error("the same password, encoded, has another fingerprint")
	}
}
