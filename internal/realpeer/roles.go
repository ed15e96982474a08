package realpeer

import (
	"fmt"
	"testing"
)

// Exec runs SQL as the superuser, over the unix socket, and returns the rows
// of its last statement that had any.
func (pg *Postgres) Exec(t testing.TB, sql string) [][]string {
	t.Helper()
	return pg.superuser.must(t, sql)
}

// CreateRole makes a role that can log in.
func (pg *Postgres) CreateRole(t testing.TB, role, password string) {
	t.Helper()
	pg.Exec(t, "CREATE ROLE "+name(role)+" LOGIN PASSWORD "+quote(password))
}

// SetPassword changes the role's password. Sessions go on: see [Postgres.Disconnect].
func (pg *Postgres) SetPassword(t testing.TB, role, password string) {
	t.Helper()
	pg.Exec(t, "ALTER ROLE "+name(role)+" PASSWORD "+quote(password))
}

// Disconnect ends every session of the role and waits until they are gone.
func (pg *Postgres) Disconnect(t testing.TB, role string) {
	t.Helper()
	Until(t, stopWithin, "the sessions of "+role+" are gone", func() error {
		rows := pg.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = "+quote(role))
		if len(rows) > 0 {
			return fmt.Errorf("%d left", len(rows))
		}
		return nil
	})
}

// Sessions is how many sessions the role has now.
func (pg *Postgres) Sessions(t testing.TB, role string) int {
	t.Helper()
	return len(pg.Exec(t, "SELECT pid FROM pg_stat_activity WHERE usename = "+quote(role)))
}
