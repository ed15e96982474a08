package probe

import (
	"context"
	"net"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestRealSharedRejection: on a shared pooler a rejected password is tried twice
// more, 15 s and 60 s after the first time, and then held. A real PgBouncer with
// TLS stands in for the shared host; it counts.
func TestRealSharedRejection(t *testing.T) {
	t.Parallel()
	pg := realpeer.StartPostgres(t, realpeer.PostgresConfig{})
	pooler := realpeer.StartPgBouncer(t, pg, realpeer.PgBouncerConfig{
		Users: map[string]string{"postgres.ejiddanxtqcleyswqvkc": "another-word-2"},
		TLS:   realpeer.NewCA(t).Issue(t, "aws-0-us-east-1.pooler.supabase.com"),
	})
	a := ask(t, pooler, sharedDSN, Options{
		Lookup: addresses("127.0.0.1"),
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, pooler.Address())
		},
	})
	for _, next := range []time.Duration{15 * time.Second, 45 * time.Second, 22*time.Minute + 30*time.Second} {
		a.finds(finding{
			reason: machine.ReasonAuthFailed, step: machine.StepStartup,
			sqlstate: "08P01", message: "SASL authentication failed",
			state: machine.Rejected, next: next,
		})
	}
	a.cost(3, 3)
}
