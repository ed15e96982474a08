package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/lookup"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/probe"
)

// clusters are simulated shared poolers, one for each host, which do not know the
// tenant unless a script says something else.
type clusters map[string]*poolersim.Server

func newClusters(t *testing.T, scripts map[string]poolersim.Script, more ...string) clusters {
	secure, _ := serverTLS(t, "any")
	all := make(clusters)
	for _, host := range more {
		all[host] = nil
	}
	for _, region := range dsn.Regions {
		for _, cluster := range dsn.Clusters {
			all[dsn.SharedHost(cluster, region)] = nil
		}
	}
	for host := range all {
		script, ok := scripts[host]
		if !ok {
			script.OnStartup = poolersim.TenantNotFound("postgres.ejiddanxtqcleyswqvkc")
		}
		script.TLS = secure
		all[host] = listen(t, script)
	}
	return all
}

func (c clusters) network() probe.Options {
	return probe.Options{Lookup: func(ctx context.Context, host string) ([]string, error) {
		if pooler := c[host]; pooler != nil {
			return []string{pooler.Addr()}, nil
		}
		return nowhere(ctx, host)
	}}
}

// Counts are those of all clusters, which each have seen one socket at most.
func (c clusters) counts(t *testing.T) (sum poolersim.Counts) {
	t.Helper()
	for host, pooler := range c {
		n := pooler.Counts()
		if n.Sockets > 1 || n.Sockets != n.Startups {
			t.Errorf("%s: %+v", host, n)
		}
		sum.Sockets += n.Sockets
		sum.Passwords += n.Passwords
		sum.Queries += n.Queries
	}
	return sum
}

// TestFindRegion: every shared pooler is asked once, without a password, and the
// one that knows the tenant is named.
func TestFindRegion(t *testing.T) {
	const there, lately = "aws-1-eu-central-2.pooler.supabase.com", "aws-2-me-central-1.pooler.supabase.com"
	known := poolersim.Script{Auth: poolersim.SCRAM, Password: verifyPassword}
	hosts := len(dsn.Regions) * len(dsn.Clusters)
	for name, c := range map[string]struct {
		flags   verifyFlags
		scripts map[string]poolersim.Script
		found   string
		code    int
		sockets int
	}{
		"found":   {scripts: map[string]poolersim.Script{there: known}, found: there, sockets: hosts},
		"nowhere": {code: 1, sockets: hosts},
		"added": {flags: verifyFlags{regions: []string{"me-central-1"}, clusters: []uint{2}}, scripts: map[string]poolersim.Script{lately: known},
			found: lately, sockets: hosts + 1}, // of the others that are added, none exists
	} {
		t.Run(name, func(t *testing.T) {
			all := newClusters(t, c.scripts, slices.Collect(maps.Keys(c.scripts))...)
			c.flags.findRegion, c.flags.json = true, true
			v := verify(t, verifyDSN, c.flags, all.network())
			if v.code != c.code || v.Found != c.found {
				t.Errorf("code %d, found %q", v.code, v.Found)
			}
			if n := all.counts(t); n != (poolersim.Counts{Sockets: c.sockets}) {
				t.Errorf("%+v, want %d sockets and nothing else", n, c.sockets)
			}
		})
	}
	all := newClusters(t, map[string]poolersim.Script{there: known})
	v := verify(t, verifyDSN, verifyFlags{findRegion: true}, all.network())
	if want := "Corrected DSN: postgresql://postgres.ejiddanx****@" + there + ":6543/postgres\n"; !strings.HasSuffix(v.text, want) {
		t.Errorf("got\n%s", v.text)
	}
	if v := verify(t, "postgresql://app:pw-of-app@127.0.0.1:6543/appdb", verifyFlags{findRegion: true}, all.network()); v.code != exit.Failure || v.text != "" {
		t.Errorf("without a ref: code %d, %s", v.code, v.text)
	}
}

// TestFindRegionLockedOut: a lockout at the first host ends the search.
func TestFindRegionLockedOut(t *testing.T) {
	const own = "aws-0-us-east-1.pooler.supabase.com"
	slow := poolersim.Script{OnStartup: poolersim.Slow{By: time.Second, Then: poolersim.TenantNotFound("x.y")}}
	scripts := make(map[string]poolersim.Script)
	for host := range newClusters(t, nil) {
		scripts[host] = slow
	}
	scripts[own] = poolersim.Script{OnStartup: poolersim.CircuitBreaker}
	all := newClusters(t, scripts)
	v := verify(t, verifyDSN, verifyFlags{findRegion: true, json: true}, all.network())
	if v.code != exit.Lockout || v.Found != own || v.Reason != "lockout" {
		t.Errorf("code %d, reason %s, found %q", v.code, v.Reason, v.Found)
	}
	if n := all.counts(t); n.Sockets > lookup.AtOnce || n.Passwords != 0 {
		t.Errorf("%+v", n)
	}
}
