package dsn

import (
	"slices"
	"strings"
	"testing"
)

func TestParseEnv(t *testing.T) {
	for text, want := range map[string]Env{
		"prod": Prod, "production": Prod, "Production": Prod,
		"dev": Dev, "development": Dev, "staging": Dev, "local": Dev,
	} {
		if got, err := ParseEnv(text); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "production ", "zq7zq7"} {
		if _, err := ParseEnv(text); err == nil || strings.Contains(err.Error(), "zq7") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestOwnRefs(t *testing.T) {
	raw := strings.Replace(sharedProd, "iaketsyhmqbwaabgykux", otherRef, 1)
	if r := Judge(raw, Rules{Env: Prod, ProdRef: otherRef}, today); !r.Valid() {
		t.Errorf("own prod ref: %+v", r.Findings)
	}
	if r := Judge(raw, Rules{Env: Dev, ProdRef: otherRef}, today); r.Code != ProdDSNInDev {
		t.Errorf("own prod ref in dev: %s", r.Code)
	}
	if r := Judge(raw, Rules{Env: Dev, ProdRef: otherRef, DevRef: otherRef}, today); !r.Valid() {
		t.Errorf("one project for both: %+v", r.Findings)
	}
}

// TestAreHosts: what looks like a name and would never match is refused.
func TestAreHosts(t *testing.T) {
	for list, want := range map[string]bool{
		"pgbouncer": true, "pgbouncer,10.0.0.5,::1,[::1]": true, "pooler.internal.": true,
		"": false, ",,": false, "127.0.0.1:6432": false, "http://pgbouncer": false, "*.internal": false, "pg bouncer": false, "a,b:1": false,
	} {
		if got := AreHosts(SplitHosts(list)); got != want {
			t.Errorf("%q: %v", list, got)
		}
	}
}

func TestSplitHosts(t *testing.T) {
	got := SplitHosts(" PgBouncer., ,[::1] ,10.0.0.1")
	if want := []string{"pgbouncer", "::1", "10.0.0.1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
