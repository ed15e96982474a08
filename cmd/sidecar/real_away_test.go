package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestRealAway: PostgreSQL away behind a PgBouncer at which three other clients
// knock once a second opens no window, and costs readiness no more than its own
// length and 30 s (invariant 8). In make soak for every length, with and without
// the others, and with a query_wait_timeout that the first of them meets.
func TestRealAway(t *testing.T) {
	t.Parallel()
	lengths, others, waits := []time.Duration{20 * time.Second}, []int{3}, []string{"120"}
	if os.Getenv("SOAK") != "" {
		lengths = []time.Duration{12 * time.Second, 20 * time.Second, 30 * time.Second, 45 * time.Second}
		others, waits = []int{0, 3}, []string{"120", "3"}
	}
	for _, length := range lengths {
		for _, clients := range others {
			for _, wait := range waits {
				t.Run(fmt.Sprintf("%s, %d clients, query_wait_timeout=%s", length, clients, wait), func(t *testing.T) {
					t.Parallel()
					isAway(t, length, clients, wait)
				})
			}
		}
	}
}

func isAway(t *testing.T, length time.Duration, clients int, wait string) {
	const more = 30 * time.Second
	pg, pooler := realPair(t, map[string]string{"query_wait_timeout": wait})
	s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", realPassword), "SIDECAR_PROBE_INTERVAL=1s")
	s.await(machine.Ready, 20*time.Second)
	knocking(t, pooler.DSN("app", realPassword), clients)

	stopped := time.Now()
	pg.Stop(t, realpeer.Fast)
	<-time.After(length - time.Since(stopped))
	pg.Start(t)
	back := time.Now()
	status := s.awaitSuccessAfter(back, more)
	cost := notReady(status.History)
	t.Logf("away for %s, not ready for %s, ready again %s after the return", back.Sub(stopped).Round(100*time.Millisecond),
		cost.Round(100*time.Millisecond), time.Since(back).Round(100*time.Millisecond))
	if cost > back.Sub(stopped)+more {
		t.Errorf("not ready for %s", cost)
	}
	if count(status.History, "lockout", "lockout") > 0 {
		t.Errorf("a window: %+v", status.History)
	}
}

// knocking lets so many clients ask SELECT 1 once a second each, until the test is
// over.
func knocking(t *testing.T, dsn string, clients int) {
	t.Helper()
	ctx, end := context.WithCancel(context.Background())
	var all sync.WaitGroup
	t.Cleanup(func() { end(); all.Wait() })
	for i := range clients {
		all.Go(func() {
			<-time.After(time.Duration(i) * time.Second / time.Duration(clients))
			for tick := time.NewTicker(time.Second); ctx.Err() == nil; <-tick.C {
				ask, cancel := context.WithTimeout(ctx, 3*time.Second)
				if conn, err := pgconn.Connect(ask, dsn); err == nil {
					_, _ = conn.Exec(ask, "SELECT 1").ReadAll()
					_ = conn.Close(ask)
				}
				cancel()
			}
		})
	}
}

// notReady is how long readiness was away the last time.
func notReady(history []health.HistoryItem) (d time.Duration) {
	var lost time.Time
	for _, item := range history {
		switch {
		case item.From == "ready":
			lost = item.At
		case item.To == "ready" && !lost.IsZero():
			d = item.At.Sub(lost)
		}
	}
	return d
}
