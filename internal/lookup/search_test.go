package lookup

import (
	"context"
	"testing"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/database"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/probe"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestSearchUnderPGService: six knocks at a time under a service that is not to be
// found, and none of them hears of it.
func TestSearchUnderPGService(t *testing.T) {
	t.Setenv("PGSERVICE", "nosuch")
	t.Setenv("DATABASE_URL", "postgresql://postgres.ejiddanxtqcleyswqvkc:pass-word-1@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require")
	c, err := config.Load()
	if err != nil {
		t.Fatal(err)
	}
	pooler := new(poolersim.Server)
	defer pooler.Close()
	pooler.Set(poolersim.Script{OnStartup: poolersim.TenantNotFound("x.y")})
	network := probe.Options{Dial: pooler.Dial, Lookup: func(context.Context, string) ([]string, error) { return []string{"10.0.0.1"}, nil }}
	db := database.New(c.DatabaseURL, c)
	for range 20 {
		for _, knock := range KnockEverywhere(t.Context(), db, c, Regions{}, network) {
			if knock.Outcome.Reason == machine.ReasonConfigRejected || knock.Outcome.Reason == "" {
				t.Fatalf("%s: %q: %s", knock.DSN.Host, knock.Outcome.Reason, knock.Outcome.Message)
			}
		}
	}
}
