package probe

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// permit is one for a DSN of which nothing is known.
func permit(t *testing.T, d dsn.DSN) machine.Permit {
	t.Helper()
	m := machine.New(machine.DefaultPolicy(), target(d), func() float64 { return 0 }, time.Now())
	permit, err := m.Admit(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return permit
}

// TestKnock: whatever the pooler says, a knock is one socket, one startup message
// and never more; only a permit makes one.
func TestKnock(t *testing.T) {
	for name, c := range map[string]struct {
		script poolersim.Script
		reason machine.Reason
	}{
		"scram":     {poolersim.Script{Auth: poolersim.SCRAM, Password: "pass-word-1"}, machine.ReasonOK},
		"empty":     {poolersim.Script{Auth: poolersim.Cleartext}, machine.ReasonOK}, // an empty password would be right
		"md5":       {poolersim.Script{Auth: poolersim.MD5, Password: "pass-word-1"}, machine.ReasonOK},
		"cleartext": {poolersim.Script{Auth: poolersim.Cleartext, Password: "pass-word-1"}, machine.ReasonOK},
		"trust":     {poolersim.Script{}, machine.ReasonOK},
		"tenant":    {poolersim.Script{OnStartup: poolersim.TenantNotFound("x.y")}, machine.ReasonTenantNotFound},
		"breaker":   {poolersim.Script{OnStartup: poolersim.CircuitBreaker}, machine.ReasonLockout},
		"silence":   {poolersim.Script{OnStartup: poolersim.Hang}, machine.ReasonTimeout},
		"hangs up":  {poolersim.Script{OnStartup: poolersim.Drop}, machine.ReasonNetwork},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pooler := new(poolersim.Server)
				defer pooler.Close()
				c.script.TLS = serverTLS(t)
				pooler.Set(c.script)
				judged := judge(t, sharedDSN)
				k := NewKnocker(judged, dsn.NewScrubber(sharedDSN, judged), Options{Dial: pooler.Dial, Lookup: addresses("10.0.0.1", "10.0.0.2")})
				if !k.prober.dsn.Password.IsZero() || judged.Password.IsZero() {
					t.Error("a knocker has no password, and takes nobody else's away")
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				p := permit(t, judged)
				if o := k.Knock(ctx, p); o.Reason != c.reason {
					t.Errorf("%s: %s", o.Reason, o.Message)
				}
				for _, useless := range []machine.Permit{p, {}} {
					if o := k.Knock(ctx, useless); o.Reason != "" {
						t.Errorf("a useless permit led to %+v", o)
					}
				}
				synctest.Wait()
				if n := pooler.Counts(); n != (poolersim.Counts{Sockets: 1, Startups: 1}) {
					t.Errorf("%+v", n)
				}
			})
		})
	}
}

// TestSharedHosts: every host of the lists is a shared pooler's.
func TestSharedHosts(t *testing.T) {
	for _, region := range dsn.Regions {
		host := dsn.SharedHost(1, region)
		raw := strings.Replace(sharedDSN, "aws-0-us-east-1.pooler.supabase.com", host, 1)
		if d := judge(t, raw); !dsn.IsRegion(region) || d.Mode != dsn.ModeShared || d.Region != region {
			t.Errorf("%s: %+v", host, d)
		}
	}
	for _, word := range []string{"", "us", "us-east", "us-east-1.evil.example", "US-EAST-1", "us-east-1\n"} {
		if dsn.IsRegion(word) {
			t.Errorf("%q is no region", word)
		}
	}
}
