package probe

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestRealSharedRejection: on a shared pooler a rejected password is tried twice
// more, 15 s and 60 s after the first time, and then held. A real PgBouncer with
// TLS stands in for the shared host; it counts.
func TestRealSharedRejection(t *testing.T) {
	t.Parallel()
	pg := realpeer.StartPostgres(t, realpeer.PostgresConfig{})
	const user = "postgres.ejiddanxtqcleyswqvkc"
	pooler := realpeer.StartPgBouncer(t, pg, realpeer.PgBouncerConfig{
		Users: map[string]string{user: "another-word-2"},
		TLS:   realpeer.NewCA(t).Issue(t, "aws-0-us-east-1.pooler.supabase.com"),
	})
	judged := judge(t, sharedDSN)
	prober := New(judged, dsn.NewScrubber(sharedDSN, judged), Options{
		Lookup: addresses("127.0.0.1"),
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, pooler.Address())
		},
	})
	s := supervisor.New(machine.DefaultPolicy(), supervisor.Subject{Target: target(judged), Prober: prober}, nil, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	defer func() { cancel(); <-done }()

	begun := time.Now()
	for _, want := range []struct {
		logins      int
		from, till  time.Duration // since the beginning
		least, most time.Duration // until the next attempt
	}{
		{1, 0, 10 * time.Second, 14 * time.Second, 15 * time.Second},
		{2, 15 * time.Second, 25 * time.Second, 35 * time.Second, 45 * time.Second},
		{3, 60 * time.Second, 70 * time.Second, 15*time.Minute - 10*time.Second, 30 * time.Minute},
	} {
		realpeer.Until(t, want.till+time.Second-time.Since(begun), fmt.Sprintf("login %d", want.logins), func() error {
			if total, _ := s.Snapshot().Total(); total < uint64(want.logins) {
				return fmt.Errorf("%d logins: %s", total, s.Snapshot().Attempt.Message)
			}
			return nil
		})
		after, snapshot := time.Since(begun), s.Snapshot()
		if after < want.from || after > want.till || snapshot.State != machine.Rejected || snapshot.Reason != machine.ReasonAuthFailed {
			t.Errorf("login %d after %s: %s, %s: %s", want.logins, after, snapshot.State, snapshot.Reason, snapshot.Attempt.Message)
		}
		if left := snapshot.Remaining(time.Now()); left < want.least || left > want.most {
			t.Errorf("after login %d the next attempt is in %s", want.logins, left)
		}
		if logins, sockets := pooler.Logins(user), pooler.Sockets(); logins != want.logins || sockets != want.logins {
			t.Errorf("PgBouncer counted %d logins over %d sockets, want %d", logins, sockets, want.logins)
		}
	}
}
