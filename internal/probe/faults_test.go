package probe

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// The faults of the files faults_*_test.go are real ones, on a real PostgreSQL
// 15 and a real PgBouncer 1.18, whose own logs count what one permit costs.

const (
	appUser, appPassword = "app", "pass-word-1"

	// within is for what happens sooner, on a machine that is busy.
	within = 30 * time.Second
)

// peer counts what reaches it.
type peer interface {
	Sockets() int
	Logins(user string) int
}

// asker is a machine and a prober without the goroutine between them: its time
// jumps from attempt to attempt, the servers' does not.
type asker struct {
	*testing.T
	machine *machine.Machine
	prober  *Prober
	now     time.Time

	peer            peer
	user            string
	sockets, logins int // counted before the first probe
}

// ask makes an asker for a DSN of the peer. All jitter is in the middle of its
// range, so that each next attempt has one right time.
func ask(t *testing.T, peer peer, raw string, options Options) *asker {
	t.Helper()
	judged, now := judge(t, raw), time.Now()
	return &asker{
		T: t, now: now,
		machine: machine.New(machine.DefaultPolicy(), target(judged), func() float64 { return 0.5 }, now),
		prober:  New(judged, dsn.NewScrubber(raw, judged), options),
		peer:    peer, user: judged.User, sockets: peer.Sockets(), logins: peer.Logins(judged.User),
	}
}

// finding is what one probe found and what follows from it. A message that is
// wanted is the beginning of one.
type finding struct {
	reason            machine.Reason
	trigger           machine.Trigger
	step              machine.Step
	sqlstate, message string
	state             machine.State
	next              time.Duration // until the next attempt
}

var healthy = finding{reason: machine.ReasonOK, state: machine.Ready, next: 30 * time.Second}

// finds spends the next permit on a probe, at the time that the machine has set
// and not a moment earlier, and compares what it finds.
func (a *asker) finds(want finding) finding {
	a.Helper()
	ctx, cancel := context.WithTimeout(a.Context(), within)
	defer cancel()
	return a.compare(a.probe(ctx), want)
}

// underway is finds with something that happens once the probe has come as far
// as reached says.
func (a *asker) underway(reached func() error, happens func(), want finding) {
	a.Helper()
	a.during(a.Context(), reached, happens, want)
}

// runsOut is finds with a probe whose time is over when it has come as far as
// reached says, however long that takes.
func (a *asker) runsOut(reached func() error, want finding) {
	a.Helper()
	glass := hourglass{a.Context(), make(chan struct{})}
	a.during(glass, reached, func() { close(glass.done) }, want)
}

func (a *asker) during(ctx context.Context, reached func() error, happens func(), want finding) {
	a.Helper()
	found := make(chan finding, 1)
	go func() { found <- a.probe(ctx) }()
	realpeer.Until(a.T, within, "the probe is under way", reached)
	happens()
	a.compare(<-found, want)
}

func (a *asker) probe(ctx context.Context) finding {
	if due, ok := a.machine.Due(a.now); ok && due.After(a.now) {
		if _, err := a.machine.Admit(due.Add(-1)); err == nil {
			a.Errorf("a permit before %s", due)
		}
		a.now = due
	}
	permit, err := a.machine.Admit(a.now)
	if err != nil {
		a.Error(err)
	}
	o := a.prober.Probe(ctx, permit)
	v := a.machine.Settle(a.now, permit, o).To
	return finding{o.Reason, o.Trigger, o.Step, o.SQLState, o.Message, v.State, v.Next.Sub(a.now)}
}

func (a *asker) compare(got, want finding) finding {
	a.Helper()
	if strings.HasPrefix(got.message, want.message) {
		want.message = got.message
	}
	if got != want {
		a.Errorf("found %+v\n want %+v", got, want)
	}
	return got
}

// hourglass is a context whose deadline comes when a test says so.
type hourglass struct {
	context.Context
	done chan struct{}
}

func (h hourglass) Done() <-chan struct{} { return h.done }

func (h hourglass) Err() error {
	select {
	case <-h.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// cost compares what all probes so far have cost with what the peer counted.
func (a *asker) cost(sockets, logins int) {
	a.Helper()
	counted(a.T, a.peer, a.user, a.sockets+sockets, a.logins+logins)
}

// counted waits for the peer's counters: what nobody has heard an answer to may
// be counted a moment later.
func counted(t *testing.T, peer peer, user string, sockets, logins int) {
	t.Helper()
	realpeer.Until(t, within, fmt.Sprintf("%d sockets and %d logins are counted", sockets, logins), func() error {
		if s, l := peer.Sockets(), peer.Logins(user); s != sockets || l != logins {
			return fmt.Errorf("%d sockets, %d logins", s, l)
		}
		return nil
	})
}

// cluster starts a PostgreSQL that knows the app.
func cluster(t *testing.T, config realpeer.PostgresConfig) *realpeer.Postgres {
	t.Helper()
	pg := realpeer.StartPostgres(t, config)
	pg.CreateRole(t, appUser, appPassword)
	return pg
}

// bouncer starts a PgBouncer that knows the app.
func bouncer(t *testing.T, pg *realpeer.Postgres, settings map[string]string) *realpeer.PgBouncer {
	t.Helper()
	return realpeer.StartPgBouncer(t, pg, realpeer.PgBouncerConfig{
		Users: map[string]string{appUser: appPassword}, Settings: settings,
	})
}

// holder is another client, in the middle of a transaction.
func holder(t *testing.T, raw string) *pgconn.PgConn {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	if _, err := conn.Exec(t.Context(), "BEGIN").ReadAll(); err != nil {
		t.Fatal(err)
	}
	return conn
}
