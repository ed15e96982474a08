package dsn

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// outputs is everything that a Report gives to print.
func outputs(r Report) string {
	findings, _ := json.Marshal(r.Findings)
	attrs := strings.Builder{}
	slog.New(slog.NewTextHandler(&attrs, nil)).Info("", "dsn", r.DSN)
	d := r.DSN
	return strings.Join([]string{
		string(findings), attrs.String(), d.Redacted(), d.RedactedUser(), d.Line(), d.Key(), d.KeySource(),
		fmt.Sprintf("%v %+v %#v %s %q", d, d, d, d, d), strings.Join(d.Dropped, " "), d.Host, d.Database,
	}, "\n")
}

func TestRedacted(t *testing.T) {
	for raw, want := range map[string]string{
		sharedProd: "postgresql://postgres.iaketsyh****@aws-0-us-east-1.pooler.supabase.com:6543/postgres",
		"postgresql://dragonfly_app:secret@db.iaketsyhmqbwaabgykux.supabase.co:6543/postgres?sslmode=require": "postgresql://dra***@db.iaketsyhmqbwaabgykux.supabase.co:6543/postgres",
		"postgresql://me:secret@[::1]/my%20db":                                      "postgresql://me***@[::1]:5432/my%20db",
		"postgresql://postgres.abc:secret@aws-0-us-east-1.pooler.supabase.com:6543": "postgresql://postgres.abc****@aws-0-us-east-1.pooler.supabase.com:6543",
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
