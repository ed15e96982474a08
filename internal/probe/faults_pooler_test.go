package probe

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestFaultsOfThePooler: each has a PgBouncer of its own, and all have one
// PostgreSQL, with which nothing is wrong.
func TestFaultsOfThePooler(t *testing.T) {
	t.Parallel()
	pg := cluster(t, realpeer.PostgresConfig{})
	for name, fault := range map[string]func(*testing.T, *realpeer.Postgres){
		"query_wait_timeout":     poolIsFull,
		"max_client_conn":        poolerIsFull,
		"paused":                 poolerIsPaused,
		"database disabled":      databaseIsDisabled,
		"restarted":              poolerIsRestarted,
		"stopped during a query": poolerStops,
		"frozen":                 poolerIsFrozen,
		"TLS required":           tlsIsRequired,
		"TLS refused":            tlsIsRefused,
		"startup parameters":     parametersAreNotSent,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fault(t, pg)
		})
	}
}

// Another client holds the only server connection. PgBouncer's own 120 s are
// longer than a probe, so it is a timeout; with a short setting it is the seed's
// lockout, once it has been there for 20 s.
func poolIsFull(t *testing.T, pg *realpeer.Postgres) {
	pooler := bouncer(t, pg, map[string]string{"default_pool_size": "1"})
	raw := pooler.DSN(appUser, appPassword)
	other := holder(t, raw)
	a := ask(t, pooler, raw, Options{})
	a.runsOut(queued(t, pooler), finding{
		reason: machine.ReasonTimeout, step: machine.StepQuery, message: "no answer in time",
		state: machine.Retrying, next: 2 * time.Second,
	})

	pooler.Set(t, "query_wait_timeout", "1")
	first := finding{
		reason: machine.ReasonLockout, trigger: machine.TriggerQueryWaitTimeout,
		step: machine.StepQuery, sqlstate: "08P01", message: "query_wait_timeout",
		state: machine.Retrying, next: 17 * time.Second,
	}
	second, window := first, first
	second.next = 3 * time.Second
	window.state, window.next = machine.Lockout, 17*time.Minute+30*time.Second
	a.finds(first)
	a.finds(second)
	a.finds(window)
	a.finds(first) // the trial
	if _, err := other.Exec(t.Context(), "ROLLBACK").ReadAll(); err != nil {
		t.Fatal(err)
	}
	a.finds(healthy)
	a.cost(6, 6)
}

// Refused at the door: no login has been made, and nobody's password sent.
func poolerIsFull(t *testing.T, pg *realpeer.Postgres) {
	const most = 3 // more than the console's own session, which leaves when it likes
	pooler := bouncer(t, pg, map[string]string{"max_client_conn": fmt.Sprint(most)})
	raw := pooler.DSN(appUser, appPassword)
	var others []*pgconn.PgConn
	for range most {
		others = append(others, holder(t, raw))
	}
	a := ask(t, pooler, raw, Options{})
	a.finds(finding{
		reason: machine.ReasonSaturated, step: machine.StepStartup,
		sqlstate: "08P01", message: "no more connections allowed (max_client_conn)",
		state: machine.Retrying, next: 2 * time.Second,
	})
	a.cost(1, 0)
	for _, other := range others {
		other.Close(t.Context())
	}
	realpeer.Until(t, within, "the others have left", func() error {
		for _, client := range pooler.Admin(t, "SHOW CLIENTS") {
			if client[1] == appUser {
				return fmt.Errorf("%v", client)
			}
		}
		return nil
	})
	a.finds(healthy)
	a.cost(2, 1)
}

// While paused PgBouncer takes logins and lets their queries wait.
func poolerIsPaused(t *testing.T, pg *realpeer.Postgres) {
	pooler := bouncer(t, pg, nil)
	a := ask(t, pooler, pooler.DSN(appUser, appPassword), Options{})
	a.finds(healthy)

	pooler.Admin(t, "PAUSE "+realpeer.Database)
	waits := finding{
		reason: machine.ReasonTimeout, step: machine.StepQuery, message: "no answer in time",
		state: machine.Ready, next: 2 * time.Second, // to be confirmed
	}
	a.runsOut(queued(t, pooler), waits)
	waits.state = machine.Retrying
	a.runsOut(queued(t, pooler), waits)

	// With a short setting a pause reads like a full pool; one that is over
	// before the next look opens no window.
	pooler.Set(t, "query_wait_timeout", "1")
	a.finds(finding{
		reason: machine.ReasonLockout, trigger: machine.TriggerQueryWaitTimeout,
		step: machine.StepQuery, sqlstate: "08P01", message: "query_wait_timeout",
		state: machine.Retrying, next: 17 * time.Second,
	})
	pooler.Set(t, "query_wait_timeout", "120") // a new server connection may take its time
	pooler.Admin(t, "RESUME "+realpeer.Database)
	a.finds(healthy)
	a.cost(5, 5)
}

func databaseIsDisabled(t *testing.T, pg *realpeer.Postgres) {
	pooler := bouncer(t, pg, nil)
	pooler.Admin(t, "DISABLE "+realpeer.Database)
	a := ask(t, pooler, pooler.DSN(appUser, appPassword), Options{})
	a.finds(finding{
		reason: machine.ReasonUnavailable, step: machine.StepStartup,
		sqlstate: "08P01", message: `database "postgres" is disabled`,
		state: machine.Retrying, next: 2 * time.Second,
	})
	pooler.Admin(t, "ENABLE "+realpeer.Database)
	a.finds(healthy)
	a.cost(2, 2)
}

// A restart between two probes is not seen; one in which a probe meets a closed
// port costs no readiness, as the second look finds the pooler again.
func poolerIsRestarted(t *testing.T, pg *realpeer.Postgres) {
	pooler := bouncer(t, pg, nil)
	a := ask(t, pooler, pooler.DSN(appUser, appPassword), Options{})
	a.finds(healthy)
	pooler.Restart(t)
	a.finds(healthy)
	pooler.Stop(t)
	a.finds(finding{
		reason: machine.ReasonNetwork, step: machine.StepDial, message: "dial tcp " + pooler.Address() + ": connect: connection refused",
		state: machine.Ready, next: 2 * time.Second,
	})
	pooler.Start(t)
	a.finds(healthy)
	a.cost(3, 3)
}

// The pooler ends while the probe's query waits in it.
func poolerStops(t *testing.T, pg *realpeer.Postgres) {
	pooler := bouncer(t, pg, nil)
	a := ask(t, pooler, pooler.DSN(appUser, appPassword), Options{})
	a.finds(healthy)
	pooler.Admin(t, "PAUSE "+realpeer.Database)
	a.underway(queued(t, pooler), func() { pooler.Stop(t) }, finding{
		reason: machine.ReasonNetwork, step: machine.StepQuery, message: "unexpected EOF",
		state: machine.Ready, next: 2 * time.Second,
	})
	a.cost(2, 2)
}

// queued is true once one more client than now waits for a server.
func queued(t *testing.T, pooler *realpeer.PgBouncer) func() error {
	t.Helper()
	waiting := func() (n int) {
		for _, client := range pooler.Admin(t, "SHOW CLIENTS") {
			if client[1] == appUser && strings.HasPrefix(client[3], "waiting") {
				n++
			}
		}
		return n
	}
	before := waiting()
	return func() error {
		if n := waiting(); n <= before {
			return fmt.Errorf("%d clients wait: %v", n, pooler.Admin(t, "SHOW CLIENTS"))
		}
		return nil
	}
}

// The kernel takes connections for a frozen pooler, and nobody answers. What
// was sent is read when it thaws: one login for each probe.
func poolerIsFrozen(t *testing.T, pg *realpeer.Postgres) {
	pooler := bouncer(t, pg, nil)
	d := new(dialler)
	a := ask(t, pooler, pooler.DSN(appUser, appPassword), Options{Dial: d.Dial})
	a.finds(healthy)
	pooler.Signal(t, syscall.SIGSTOP)
	frozen := finding{
		reason: machine.ReasonTimeout, step: machine.StepStartup, message: "no answer in time",
		state: machine.Ready, next: 2 * time.Second,
	}
	a.runsOut(d.spoken(), frozen)
	frozen.state = machine.Retrying
	a.runsOut(d.spoken(), frozen)
	pooler.Signal(t, syscall.SIGCONT)
	a.finds(healthy)
	a.cost(4, 4)
}
