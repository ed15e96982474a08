// Package gate lets pgx's pool open a connection when the sidecar at a URL says ready.
package gate

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Guard opens one connection at a time; a failed one keeps others out for rest: ten in 150 s are a lockout (rest: 20 s).
func Guard(config *pgxpool.Config, url string, rest time.Duration) {
	door, opens, client := make(chan struct{}, 1), time.NewTimer(0), http.Client{Timeout: 2 * time.Second}
	config.MinConns, config.MinIdleConns, config.ConnConfig.ConnectTimeout = 0, 0, rest/2 // it connects when asked
	config.BeforeConnect = func(context.Context, *pgx.ConnConfig) error {
		if answer, err := client.Get(url + "/readyz"); err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK {
			select {
			case door <- struct{}{}:
				opens = time.AfterFunc(rest, func() { <-door })
				return nil
			case <-time.After(time.Second):
			}
		}
		return errors.New("the database is not ready; try again later")
	}
	config.AfterConnect = func(context.Context, *pgx.Conn) error { opens.Stop(); <-door; return nil }
}
