package dsn

import (
	"testing"
	"time"
)

func TestWaiver(t *testing.T) {
	const direct = "postgresql://postgres:secret@db.iaketsyhmqbwaabgykux.supabase.co:5432/postgres?sslmode=require"
	in := func(d time.Duration) string { return today.Add(d).Format(time.RFC3339) }
	for _, c := range []struct {
		name            string
		ask             bool
		expires, reason string
		code            Code
		status          WaiverStatus
		days            int
	}{
		{"not asked", false, in(day), "x", DirectConnectionForbidden, WaiverNone, 0},
		{"in force", true, in(20 * day), "x", Valid, WaiverActive, 20},
		{"at the limit", true, in(90 * day), "x", Valid, WaiverActive, 90},
		{"a second too long", true, in(90*day + time.Second), "x", WaiverInvalid, WaiverNone, 0},
		{"8 days", true, in(7*day + time.Second), "x", Valid, WaiverActive, 8},
		{"7 days", true, in(7 * day), "x", Valid, WaiverExpiring, 7},
		{"last second", true, in(time.Second), "x", Valid, WaiverExpiring, 1},
		{"now", true, in(0), "x", WaiverExpired, WaiverOver, 0},
		{"long ago", true, "2001-01-01", "x", WaiverExpired, WaiverOver, 0},
		{"date is midnight UTC", true, "2026-08-02", "x", Valid, WaiverExpiring, 1},
		{"the seed's", true, "", "", WaiverExpired, WaiverOver, 0},
		{"the seed's date, own reason", true, "", "x", WaiverExpired, WaiverOver, 0},
		{"no reason", true, in(day), " ", WaiverInvalid, WaiverNone, 0},
		{"no date", true, "soon", "x", WaiverInvalid, WaiverNone, 0},
		{"no such date", true, "2026-02-30", "x", WaiverInvalid, WaiverNone, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules := Rules{Env: Prod, DirectWaiver: c.ask, WaiverExpires: c.expires, WaiverReason: c.reason}
			r := Judge(direct, rules, today)
			if r.Code != c.code || r.Waiver.Status != c.status || r.Waiver.DaysRemaining != c.days {
				t.Errorf("%s %s %d, want %s %s %d", r.Code, r.Waiver.Status, r.Waiver.DaysRemaining, c.code, c.status, c.days)
			}
		})
	}
}

func TestSeedsWaiver(t *testing.T) {
	r := Judge("postgresql://postgres:secret@db.iaketsyhmqbwaabgykux.supabase.co/postgres?sslmode=require",
		Rules{Env: Prod, DirectWaiver: true}, time.Date(2026, 1, 18, 0, 0, 0, 0, time.UTC))
	if !r.Valid() || r.Waiver.DaysRemaining != 28 || r.Waiver.Reason != seedWaiverReason {
		t.Errorf("%+v", r)
	}
}

// A waiver waives the port alone, and a pooler's DSN does not need one.
func TestWaiverWaivesNothingElse(t *testing.T) {
	expired := Rules{Env: Prod, DirectWaiver: true}
	if r := Judge(sharedProd, expired, today); !r.Valid() || r.Waiver.Status != WaiverOver {
		t.Errorf("a pooler's DSN under an old waiver: %s, %s", r.Code, r.Waiver.Status)
	}
	inForce := Rules{Env: Prod, DirectWaiver: true, WaiverExpires: "2026-08-20", WaiverReason: "x"}
	for raw, want := range map[string]Code{
		"postgresql://postgres:secret@db.abcdefghijklmnopqrst.supabase.co/postgres?sslmode=require":                      DedicatedHostRefMismatch,
		"postgresql://postgres.iaketsyhmqbwaabgykux:secret@db.iaketsyhmqbwaabgykux.supabase.co/postgres?sslmode=require": DedicatedUserHasRef,
		"postgresql://postgres:secret@db.iaketsyhmqbwaabgykux.supabase.co/postgres?sslmode=prefer":                       MissingSSLMode,
		"postgresql://postgres:secret@db.iaketsyhmqbwaabgykux.supabase.co:5433/postgres?sslmode=require":                 WrongPort,
	} {
		if r := Judge(raw, inForce, today); r.Code != want {
			t.Errorf("%s, want %s", r.Code, want)
		}
	}
}
