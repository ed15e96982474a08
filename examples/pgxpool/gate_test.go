package gate

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"dragonfly.internal/sidecar/internal/poolersim"
)

// TestGuard: many at once are all served while the sidecar says ready; in a lockout
// no socket is opened, a refused password costs one login, and open connections stay.
func TestGuard(t *testing.T) {
	pooler, err := poolersim.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer pooler.Close()
	var status atomic.Int32
	status.Store(http.StatusOK)
	sidecar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	defer sidecar.Close()
	config, err := pgxpool.ParseConfig(pooler.DSN("app", "pw-of-app", "appdb"))
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 8
	Guard(config, sidecar.URL, 4*time.Second)
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	acquire := func(n int) (held []*pgxpool.Conn) {
		var mu sync.Mutex
		var all sync.WaitGroup
		for range n {
			all.Go(func() {
				if conn, err := pool.Acquire(t.Context()); err == nil {
					mu.Lock()
					held = append(held, conn)
					mu.Unlock()
				}
			})
		}
		all.Wait()
		return held
	}
	held := acquire(4)
	if sockets := pooler.Counts().Sockets; len(held) != 4 || sockets != 4 {
		t.Fatalf("%d connections on %d sockets", len(held), sockets)
	}
	status.Store(http.StatusServiceUnavailable)
	if more := acquire(4); len(more) != 0 || pooler.Counts().Sockets != 4 {
		t.Errorf("%d connections opened in a lockout", pooler.Counts().Sockets-4)
	}
	status.Store(http.StatusOK)
	pooler.Set(poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	if more := acquire(4); len(more) != 0 || pooler.Counts().Sockets != 5 {
		t.Errorf("%d sockets for a refused login", pooler.Counts().Sockets-4)
	}
	for _, conn := range held {
		conn.Release()
	}
	again := acquire(4)
	if len(again) != 4 {
		t.Errorf("only %d of the open connections are of use", len(again))
	}
	for _, conn := range again {
		conn.Release()
	}
}
