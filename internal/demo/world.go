package demo

import (
	"context"
	"sync"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/database"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/lookup"
	"dragonfly.internal/sidecar/internal/poolersim"
)

// What the demo's apps and their pooler have in common.
const (
	demoApps     = 5
	demoPatience = 150 * time.Millisecond // between two logins of one app
	demoUser     = "app"
	Password     = "demo-password"
)

// world is a simulated pooler and the apps that use it.
type world struct {
	pooler  *poolersim.Server
	breaker *poolersim.Breaker
	db      database.Database
	apps    sync.WaitGroup
}

// newWorld starts a pooler in the manner of Supavisor: ten wrong logins lock
// everybody out until nobody has tried for six seconds.
func newWorld(c config.Config) (*world, error) {
	pooler, err := poolersim.Listen()
	if err != nil {
		return nil, err
	}
	w := &world{pooler: pooler, breaker: &poolersim.Breaker{Failures: 10, Within: 150 * time.Second, Quiet: 6 * time.Second}}
	w.accept(Password)
	w.db = database.New(pooler.DSN(demoUser, Password, "appdb"), c)
	return w, nil
}

// accept makes a password the right one, as a rotation does.
func (w *world) accept(password string) {
	w.pooler.Set(w.breaker.Guard(poolersim.Script{Auth: poolersim.SCRAM, Password: password}))
}

// run lets the apps live until the context ends. Each logs in again and again,
// as often as may allows it.
func (w *world) run(ctx context.Context, c config.Config, may func(context.Context) bool) {
	for range demoApps {
		w.apps.Go(func() {
			tick := time.NewTicker(demoPatience)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					if may(ctx) {
						lookup.Login(ctx, w.db, c)
					}
				}
			}
		})
	}
}

// logins is how many the pooler has seen.
func (w *world) logins() int { return w.pooler.Counts().Startups }

// verdict is what an app would meet now.
func (w *world) verdict() string {
	if w.breaker.Until().IsZero() {
		return "ready"
	}
	return "still locked out"
}

// careless apps never ask.
func careless(context.Context) bool { return true }

// asking apps open a connection only when the sidecar says ready.
func asking(sidecar health.Client) func(context.Context) bool {
	return func(ctx context.Context) bool {
		answer, err := sidecar.Readiness(ctx)
		return err == nil && answer.Ready
	}
}
