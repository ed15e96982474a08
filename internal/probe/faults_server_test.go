package probe

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestFaultServerRefuses: what PostgreSQL refuses, told by itself and passed on
// by a cold pool, which keeps the words and replaces the SQLSTATE.
func TestFaultServerRefuses(t *testing.T) {
	t.Parallel()
	const limited = "limited"
	pg := cluster(t, realpeer.PostgresConfig{HBA: []string{"host walled all all reject"}})
	pg.CreateRole(t, limited, appPassword)
	for _, sql := range []string{
		"ALTER ROLE limited CONNECTION LIMIT 0",
		"CREATE DATABASE closed ALLOW_CONNECTIONS false",
		"CREATE DATABASE private", "REVOKE CONNECT ON DATABASE private FROM PUBLIC",
	} {
		pg.Exec(t, sql)
	}
	rejected := finding{reason: machine.ReasonConfigRejected, state: machine.Rejected, next: time.Minute}
	for _, row := range []struct {
		name, user, database string
		want                 finding
		sqlstate, message    string
		logins               int    // that PostgreSQL counts: those with the right password
		mend                 string // "": it takes more than SQL
	}{
		{
			"missing database", appUser, "gone", rejected,
			"3D000", `database "gone" does not exist`, 1, "CREATE DATABASE gone",
		},
		{
			"CONNECT revoked", appUser, "private", rejected,
			"42501", `permission denied for database "private"`, 1, "GRANT CONNECT ON DATABASE private TO app",
		},
		{
			"pg_hba reject", appUser, "walled", rejected,
			"28000", `pg_hba.conf rejects connection for host "127.0.0.1", user "app", database "walled", no encryption`, 0, "",
		},
		{
			"ALLOW_CONNECTIONS false", appUser, "closed",
			finding{reason: machine.ReasonUnavailable, state: machine.Retrying, next: 2 * time.Second},
			"55000", `database "closed" is not currently accepting connections`, 1, "ALTER DATABASE closed ALLOW_CONNECTIONS true",
		},
		{
			"role connection limit", limited, realpeer.Database,
			finding{reason: machine.ReasonSaturated, state: machine.Retrying, next: 2 * time.Second},
			"53300", `too many connections for role "limited"`, 1, "ALTER ROLE limited CONNECTION LIMIT 1",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			pooler := realpeer.StartPgBouncer(t, pg, realpeer.PgBouncerConfig{
				Users: map[string]string{row.user: appPassword}, Behind: row.database,
			})
			want := row.want
			want.step, want.message = machine.StepStartup, row.message
			behind := ask(t, pooler, pooler.DSN(row.user, appPassword), Options{})
			want.sqlstate = "08P01"
			behind.finds(want)
			behind.cost(1, 1)

			raw := strings.Replace(pg.DSN(row.user, appPassword), "/"+realpeer.Database, "/"+row.database, 1)
			direct := ask(t, pg, raw, Options{})
			want.sqlstate = row.sqlstate
			direct.finds(want)
			direct.cost(1, row.logins)
			if row.mend != "" {
				pg.Exec(t, row.mend)
				direct.finds(healthy)
				direct.cost(2, 2)
			}
		})
	}
}

// A standby that lets nobody in stays where a starting server passes by.
func TestFaultServerStartingUp(t *testing.T) {
	t.Parallel()
	pg := cluster(t, realpeer.PostgresConfig{Settings: map[string]string{"hot_standby": "off", "wal_level": "replica"}})
	pooler := bouncer(t, pg, map[string]string{"server_login_retry": "1"})
	pg.Stop(t, realpeer.Fast)
	pg.StartWaiting(t)
	want := finding{
		reason: machine.ReasonUnavailable, step: machine.StepStartup,
		sqlstate: "57P03", message: "the database system is not accepting connections",
		state: machine.Retrying, next: 2 * time.Second,
	}
	direct := ask(t, pg, pg.DSN(appUser, appPassword), Options{})
	direct.finds(want)
	behind := ask(t, pooler, pooler.DSN(appUser, appPassword), Options{})
	want.sqlstate = "08P01"
	behind.finds(want)
	behind.cost(1, 1)

	pg.Promote(t)
	direct.finds(healthy)
	direct.cost(2+1, 1) // the pooler's knock is the third
}

// Behind a cold pool a login waits for a server that is down. PgBouncer's own
// 60 s are longer than a probe, so it is a timeout; a short setting says why.
func TestFaultServerDownColdPool(t *testing.T) {
	t.Parallel()
	pg := cluster(t, realpeer.PostgresConfig{})
	pooler := bouncer(t, pg, map[string]string{"server_login_retry": "1"})
	raw := pooler.DSN(appUser, appPassword)
	pg.Stop(t, realpeer.Fast)
	a := ask(t, pooler, raw, Options{})
	a.runsOut(queued(t, pooler), finding{
		reason: machine.ReasonTimeout, step: machine.StepStartup, message: "no answer in time",
		state: machine.Retrying, next: 2 * time.Second,
	})
	pooler.Set(t, "client_login_timeout", "3")
	a.finds(finding{
		reason: machine.ReasonUnavailable, step: machine.StepStartup,
		sqlstate: "08P01", message: "client_login_timeout (server down)",
		state: machine.Retrying, next: 4 * time.Second,
	})
	a.cost(2, 2)

	pg.Start(t)
	realpeer.Until(t, within, "the pool is warm", func() error {
		conn, err := pgconn.Connect(t.Context(), raw)
		if err == nil {
			conn.Close(t.Context())
		}
		return err
	})
	a.finds(healthy)
}
