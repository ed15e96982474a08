package realpeer

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// StartWaiting starts it again after [Postgres.Stop] as a standby that lets
// nobody in: every login is refused with 57P03, as while a server starts up,
// until [Postgres.Promote]. It needs the settings hot_standby = off and
// wal_level = replica.
func (pg *Postgres) StartWaiting(t testing.TB) {
	t.Helper()
	place(t, filepath.Join(pg.dir, "data"), "standby.signal", nil)
	pg.start(t, func() error {
		_, err := pg.superuser.ask(context.Background(), "SELECT 1")
		const settled = "the database system is not accepting connections" // before that it is starting up
		if e, refused := errors.AsType[*pgconn.PgError](err); refused && e.Message == settled {
			return nil
		}
		return fmt.Errorf("not waiting: %v", err)
	})
}

// Promote ends what [Postgres.StartWaiting] began.
func (pg *Postgres) Promote(t testing.TB) {
	t.Helper()
	place(t, filepath.Join(pg.dir, "data"), "promote", nil)
	pg.Signal(t, syscall.SIGUSR1)
	Until(t, startWithin, pg.name+" accepts a session", func() error {
		_, err := pg.superuser.ask(context.Background(), "SELECT 1")
		return err
	})
}
