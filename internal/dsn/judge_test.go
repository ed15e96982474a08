package dsn

import (
	"slices"
	"strings"
	"testing"
)

const (
	sharedProd = "postgresql://postgres.iaketsyhmqbwaabgykux:secret@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require"
	tail       = "@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require"
	otherRef   = "abcdefghijklmnopqrst"
)

// judge tries one DSN in an environment, with hosts allowed.
func judge(raw string, env Env, hosts ...string) Report {
	rules := Rules{Env: env}
	rules.AllowHosts = hosts
	return Judge(raw, rules, today)
}

func TestCodes(t *testing.T) {
	const prodUser = "postgresql://postgres.iaketsyhmqbwaabgykux:secret"
	for _, c := range []struct {
		name  string
		dsn   string
		env   Env
		hosts []string
		want  Code
	}{
		{"postgres scheme", strings.Replace(sharedProd, "postgresql:", "postgres:", 1), Prod, nil, Valid},
		{"zero env is prod", sharedProd, "", nil, Valid},
		{"trailing dot", prodUser + "@aws-0-us-east-1.pooler.supabase.com.:6543/postgres?sslmode=require", Prod, nil, Valid},
		{"other cluster, long region", prodUser + "@aws-12-ap-southeast-2.pooler.supabase.com:6543/postgres?sslmode=verify-full", Prod, nil, Valid},
		{"no path", prodUser + "@aws-0-us-east-1.pooler.supabase.com:6543?sslmode=require", Prod, nil, ParseError},
		{"no database", prodUser + "@aws-0-us-east-1.pooler.supabase.com:6543/?sslmode=require", Prod, nil, ParseError},
		{"no database on a db host", "postgresql://app:secret@db.iaketsyhmqbwaabgykux.supabase.co:6543?sslmode=require", Prod, nil, Valid},
		{"trailing ampersand", sharedProd + "&", Prod, nil, Valid},
		{"same parameter twice", sharedProd + "&sslmode=require", Prod, nil, Valid},
		{"dedicated", "postgresql://app:secret@db.iaketsyhmqbwaabgykux.supabase.co:6543/postgres?sslmode=require", Prod, nil, Valid},
		{"dedicated dotted role", "postgresql://my.app:secret@db.iaketsyhmqbwaabgykux.supabase.co:6543/postgres?sslmode=require", Prod, nil, Valid},
		{"reference raw", "postgresql://app:secret" + tail + "&options=reference=iaketsyhmqbwaabgykux", Prod, nil, Valid},
		{"reference and user agree", prodUser + tail + "&options=reference%3Diaketsyhmqbwaabgykux", Prod, nil, Valid},
		{"session mode in dev", "postgresql://app.ejiddanxtqcleyswqvkc:secret@aws-0-us-east-1.pooler.supabase.com/postgres?sslmode=require", Dev, nil, Valid},
		{"direct in dev", "postgresql://app:secret@db.ejiddanxtqcleyswqvkc.supabase.co/postgres?sslmode=require", Dev, nil, Valid},
		{"own pooler in prod", "postgresql://app:secret@PgBouncer:6432/app?sslmode=disable", Prod, []string{"pgbouncer"}, Valid},
		{"own pooler by address", "postgresql://app:secret@[fd00:0::1]:6432/app", Prod, []string{"[FD00::1]"}, Valid},
		{"loopback allowed in prod", "postgresql://app:secret@127.0.0.1:6432/app", Prod, []string{"127.0.0.1"}, Valid},
		{"IPv6 loopback in dev", "postgresql://app:secret@[::1]:5432/app?sslmode=prefer", Dev, nil, Valid},
		{"docker in dev", "postgresql://app:secret@host.docker.internal/app?sslmode=require", Dev, nil, Valid},
		{"railway in dev", "postgresql://app:secret@postgres.railway.internal/app?sslmode=require", Dev, nil, Valid},

		{"two hosts", "postgresql://app:secret@one:6543,two:6543/postgres?sslmode=require", Prod, nil, MultipleHosts},
		{"two hosts, one port", "postgresql://app:secret@one,two:6543/postgres", Prod, nil, MultipleHosts},
		{"host in query", sharedProd + "&host=evil.example", Prod, nil, QueryOverridesAuthority},
		{"encoded name", sharedProd + "&%75ser=postgres", Prod, nil, QueryOverridesAuthority},
		{"name without value", sharedProd + "&PORT", Prod, nil, QueryOverridesAuthority},
		{"pgx's name", sharedProd + "&database=other", Prod, nil, QueryOverridesAuthority},
		{"service", sharedProd + "&service=x", Prod, nil, QueryOverridesAuthority},
		{"override before guard", "postgresql://app:secret@evil.example/x?hostaddr=1.2.3.4", Prod, nil, QueryOverridesAuthority},

		{"no region", prodUser + "@aws-0-.pooler.supabase.com:6543/postgres?sslmode=require", Prod, nil, InvalidPoolerMode},
		{"region with the cluster", prodUser + "@aws-0-aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require", Prod, nil, InvalidPoolerMode},
		{"extra label before", prodUser + "@x.aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require", Prod, nil, InvalidPoolerMode},
		{"db with extra label", "postgresql://app:secret@db.x.iaketsyhmqbwaabgykux.supabase.co:6543/postgres?sslmode=require", Prod, nil, InvalidPoolerMode},
		{"punycode look-alike", prodUser + "@aws-0-us-east-1.pooler.xn--supabse-jwf.com:6543/postgres?sslmode=require", Prod, nil, InvalidPoolerMode},
		{"internal in prod", "postgresql://app:secret@db.railway.internal:6543/app?sslmode=require", Prod, nil, InvalidPoolerMode},
		{"odd loopback", "postgresql://app:secret@127.1/app?sslmode=require", Dev, nil, InvalidPoolerMode},
		{"internal alone", "postgresql://app:secret@xinternal/app?sslmode=require", Dev, nil, InvalidPoolerMode},
		{"allowed name is exact", "postgresql://app:secret@a.pgbouncer/app?sslmode=require", Prod, []string{"pgbouncer", "*"}, InvalidPoolerMode},

		{"dedicated prod in dev", "postgresql://app:secret@db.iaketsyhmqbwaabgykux.supabase.co:6543/postgres?sslmode=require", Dev, nil, ProdDSNInDev},
		{"prod by reference in dev", "postgresql://app:secret" + tail + "&options=reference%3Diaketsyhmqbwaabgykux", Dev, nil, ProdDSNInDev},
		{"no ref", "postgresql://postgres:secret" + tail, Prod, nil, SharedUserMissingRef},
		{"empty reference", "postgresql://postgres:secret" + tail + "&options=reference%3D", Prod, nil, SharedUserMissingRef},
		{"dedicated user has ref", "postgresql://app.iaketsyhmqbwaabgykux:secret@db.iaketsyhmqbwaabgykux.supabase.co:6543/postgres?sslmode=require", Prod, nil, DedicatedUserHasRef},
		{"dedicated user has other ref", "postgresql://app." + otherRef + ":secret@db.iaketsyhmqbwaabgykux.supabase.co:6543/postgres?sslmode=require", Prod, nil, ProjectRefMismatch},
		{"direct wrong ref", "postgresql://app:secret@db." + otherRef + ".supabase.co/postgres?sslmode=require", Prod, nil, DedicatedHostRefMismatch},
		{"dev ref in prod", "postgresql://app.ejiddanxtqcleyswqvkc:secret" + tail, Prod, nil, ProjectRefMismatch},
		{"role without ref in dev", "postgresql://my.app:secret" + tail, Dev, nil, ProjectRefMismatch},
		{"reference and user differ", prodUser + tail + "&options=reference%3Dejiddanxtqcleyswqvkc", Prod, nil, ProjectRefMismatch},

		{"no sslmode", strings.TrimSuffix(sharedProd, "?sslmode=require"), Prod, nil, MissingSSLMode},
		{"empty sslmode", strings.TrimSuffix(sharedProd, "require"), Prod, nil, MissingSSLMode},
		{"upper sslmode", strings.Replace(sharedProd, "require", "REQUIRE", 1), Prod, nil, MissingSSLMode},
		{"second question mark", sharedProd + "?pgbouncer=true", Prod, nil, MissingSSLMode},
		{"disable", strings.Replace(sharedProd, "require", "disable", 1), Prod, nil, MissingSSLMode},
		{"docker without TLS", "postgresql://app:secret@host.docker.internal/app", Dev, nil, MissingSSLMode},
		{"unknown sslmode on loopback", "postgresql://app:secret@localhost/app?sslmode=on", Dev, nil, MissingSSLMode},
		{"naming a db host waives no TLS", "postgresql://app:secret@db.iaketsyhmqbwaabgykux.supabase.co:6543/postgres?sslmode=disable", Prod, []string{"db.iaketsyhmqbwaabgykux.supabase.co"}, MissingSSLMode},

		{"shared without port", prodUser + "@aws-0-us-east-1.pooler.supabase.com/postgres?sslmode=require", Prod, nil, WrongPort},
		{"shared odd port in dev", "postgresql://app.ejiddanxtqcleyswqvkc:secret@aws-0-us-east-1.pooler.supabase.com:6432/postgres?sslmode=require", Dev, nil, WrongPort},
		{"db odd port, allowed", "postgresql://app:secret@db.iaketsyhmqbwaabgykux.supabase.co:7000/postgres?sslmode=require", Prod, []string{"db.iaketsyhmqbwaabgykux.supabase.co"}, WrongPort},
		{"direct without port", "postgresql://app:secret@db.iaketsyhmqbwaabgykux.supabase.co/postgres?sslmode=require", Prod, nil, DirectConnectionForbidden},
		{"no password", "postgresql://postgres.iaketsyhmqbwaabgykux" + tail, Prod, nil, PasswordMissing},
		{"empty password", "postgresql://postgres.iaketsyhmqbwaabgykux:" + tail, Prod, nil, PasswordMissing},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := judge(c.dsn, c.env, c.hosts...)
			if r.Code != c.want {
				t.Errorf("code %s, want %s; findings %+v", r.Code, c.want, r.Findings)
			}
			if r.Valid() != (c.want == Valid) {
				t.Errorf("Valid() = %v with code %s", r.Valid(), r.Code)
			}
			if !slices.IsSortedFunc(r.Findings, func(a, b Finding) int {
				return slices.Index(Codes, a.Code) - slices.Index(Codes, b.Code)
			}) {
				t.Errorf("findings out of order: %+v", r.Findings)
			}
		})
	}
}

func TestEveryErrorIsListed(t *testing.T) {
	r := judge("postgresql://app:secret@aws-0-us-east-1.pooler.supabase.com:5432/postgres?supa=x", Prod)
	want := []Code{SharedUserMissingRef, MissingSSLMode, WrongPort, ParameterDropped}
	var got []Code
	for _, f := range r.Findings {
		got = append(got, f.Code)
	}
	if !slices.Equal(got, want) {
		t.Errorf("codes %v, want %v", got, want)
	}
}

func TestHints(t *testing.T) {
	for _, c := range []struct {
		dsn  string
		env  Env
		code Code
		want string
	}{
		{sharedProd, Dev, ProdDSNInDev, "set SUPABASE_MODE=prod if this is production"},
		{"postgresql://app:secret" + tail, Prod, SharedUserMissingRef, "postgresql://app.iaketsyh****@aws-0-us-east-1.pooler.supabase.com:6543/postgres"},
		{strings.Replace(sharedProd, "6543", "5432", 1), Prod, WrongPort, "postgresql://postgres.iaketsyh****@aws-0-us-east-1.pooler.supabase.com:6543/postgres"},
		{"postgresql://app:secret@db." + otherRef + ".supabase.co:6543/postgres?sslmode=require", Prod, DedicatedHostRefMismatch, "postgresql://app***@db.iaketsyhmqbwaabgykux.supabase.co:6543/postgres"},
		{strings.TrimSuffix(sharedProd, "?sslmode=require"), Prod, MissingSSLMode, ":6543/postgres?sslmode=require"},
		{"postgresql://app:se+cret" + tail, Prod, PasswordNeedsEncoding, "sidecar dsn encode"},
	} {
		r := judge(c.dsn, c.env)
		i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Code == c.code })
		if i < 0 || !strings.Contains(r.Findings[i].Hint, c.want) {
			t.Errorf("%s: findings %+v, want a hint with %q", c.code, r.Findings, c.want)
		}
	}
}

func TestMisconfigured(t *testing.T) {
	for _, code := range Codes {
		want := "guard"
		switch code {
		case Valid:
			want = ""
		case ParseError, MultipleHosts, QueryOverridesAuthority, PasswordPlaceholder, PasswordNeedsEncoding, PasswordMissing, SSLRootCertUnreadable:
			want = "invalid_dsn"
		case WaiverExpired:
			want = "waiver_expired"
		}
		if got := (Report{Code: code}).Misconfigured(); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}
