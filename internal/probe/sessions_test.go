package probe

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// sessions asks a server once who is connected.
func sessions(t *testing.T, raw string) (Activity, machine.Outcome) {
	t.Helper()
	judged := judge(t, raw)
	var found Activity
	prober := New(judged, dsn.NewScrubber(raw, judged), Options{}).WithSessions(&found)
	outcome := prober.Probe(t.Context(), permit(t, judged))
	return found, outcome
}

// seen drops the ages, which are as the machine is busy, once they were right.
func (a Activity) seen(t *testing.T) []Session {
	t.Helper()
	all := make([]Session, 0, len(a.Sessions))
	for _, s := range a.Sessions {
		if hidden := s.OldestSeconds == nil; hidden != (s.State == Hidden) || !hidden && (*s.OldestSeconds < 0 || *s.OldestSeconds > 600) {
			t.Errorf("%+v", s)
		}
		s.OldestSeconds = nil
		all = append(all, s)
	}
	return all
}

// visit opens a session that lasts as long as the test.
func visit(t *testing.T, raw, application string) {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), raw+"&application_name="+application)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
}

// exec runs SQL as the superuser and waits until nothing of its session is left.
func exec(t *testing.T, pg *realpeer.Postgres, sql string) {
	t.Helper()
	pg.Exec(t, sql)
	realpeer.Until(t, 10*time.Second, "the superuser has left", func() error {
		log := strings.Join(pg.Log(), "\n")
		come := strings.Count(log, "connection authorized: user=postgres ")
		gone := strings.Count(log, " user=postgres database=postgres host=[local]")
		if come != gone {
			return fmt.Errorf("%d of %d sessions have ended", gone, come)
		}
		return nil
	})
}

// TestRealSessions: what a real PostgreSQL shows of whom, directly and through a
// real PgBouncer, to a role that may not see others' sessions and, after the very
// GRANT that the report names, to one that may. Each look is one login.
func TestRealSessions(t *testing.T) {
	t.Parallel()
	pg := realpeer.StartPostgres(t, realpeer.PostgresConfig{})
	pg.CreateRole(t, "app", "right-horse-7")
	pg.CreateRole(t, "work er", "right-horse-8")
	pg.Exec(t, `ALTER ROLE app NOINHERIT`)
	visit(t, pg.DSN("app", "right-horse-7"), "api")
	visit(t, pg.DSN("app", "right-horse-7"), "api")
	visit(t, pg.DSN("work er", "right-horse-8"), "")

	own := Session{User: "app", Application: applicationName, State: "active", Count: 1}
	api := Session{User: "app", Application: "api", State: "idle", Count: 2}
	const plain = `GRANT pg_read_all_stats TO "app";`
	for _, c := range []struct {
		before string // run by the superuser
		grant  string
		worker string // the state of the other role's session
	}{
		{"SELECT 1", "", Hidden}, // NOINHERIT, before PostgreSQL 16
		{"ALTER ROLE app INHERIT", plain, Hidden},
		{plain, "", "idle"},
	} {
		exec(t, pg, c.before)
		logins := pg.Logins("app")
		found, outcome := sessions(t, pg.DSN("app", "right-horse-7"))
		if outcome.Reason != machine.ReasonOK || pg.Logins("app")-logins != 1 {
			t.Fatalf("%d logins: %+v", pg.Logins("app")-logins, outcome)
		}
		all := []Session{api, own, {User: "work er", State: c.worker, Count: 1}}
		if diff := cmp.Diff(all, found.seen(t)); diff != "" || found.Role != "app" || found.Grant != c.grant || found.Pooled {
			t.Errorf("%+v\n%s", found, diff)
		}
	}

	pooler := realpeer.StartPgBouncer(t, pg, realpeer.PgBouncerConfig{
		Users: map[string]string{"client": "right-horse-9"}, Server: realpeer.Login{User: "app", Password: "right-horse-7"},
	})
	found, outcome := sessions(t, pooler.DSN("client", "right-horse-9"))
	if n := pooler.Logins("client"); outcome.Reason != machine.ReasonOK || n != 1 || pooler.Sockets() != 1 {
		t.Fatalf("%d logins over %d sockets: %+v", n, pooler.Sockets(), outcome)
	}
	if !found.Pooled || found.Role != "app" {
		t.Errorf("behind a pooler that logs in as app: %+v", found)
	}
}

// TestRealSessionsOfSystem: background processes are nobody's sessions, whoever looks.
func TestRealSessionsOfSystem(t *testing.T) {
	t.Parallel()
	pg := realpeer.StartPostgres(t, realpeer.PostgresConfig{Settings: map[string]string{"autovacuum": "on"}})
	pg.CreateRole(t, "app", "right-horse-7")
	for _, before := range []string{"SELECT 1", "GRANT pg_read_all_stats TO app"} {
		exec(t, pg, before)
		found, _ := sessions(t, pg.DSN("app", "right-horse-7"))
		if diff := cmp.Diff([]Session{{User: "app", Application: applicationName, State: "active", Count: 1}}, found.seen(t)); diff != "" || found.Grant != "" {
			t.Errorf("after %s: %+v\n%s", before, found, diff)
		}
	}
}

// TestSessionsAnswers: what a server makes up is refused or fit to print, and
// never shows the password.
func TestSessionsAnswers(t *testing.T) {
	row := func(cells ...string) poolersim.Table {
		return poolersim.Table{Columns: make([]string, len(cells)), Rows: [][]string{cells}}
	}
	for name, c := range map[string]struct {
		answer poolersim.Table
		want   Activity
	}{
		"good":   {row("app", "t", "160002", "7", "x\npass-word-1", "api", "idle", "3", "60"), Activity{[]Session{{"x ****", "api", "idle", 3, new(int64(60))}}, "app", "", true}},
		"hidden": {row(`a"b`, "f", "160002", "1", "x", "", Hidden, "3", ""), Activity{[]Session{{"x", "", Hidden, 3, nil}}, `a"b`, `GRANT pg_read_all_stats TO "a""b" WITH INHERIT TRUE;`, false}},
		"none":   {poolersim.Table{Columns: []string{"a"}}, Activity{}},
		"narrow": {row("app", "t"), Activity{}},
		"words":  {row("app", "t", "160002", "7", "x", "api", "idle", "many", "60"), Activity{}},
	} {
		pooler, err := poolersim.Listen()
		if err != nil {
			t.Fatal(err)
		}
		pooler.Set(poolersim.Script{Answer: func(string) (poolersim.Table, bool) { return c.answer, true }})
		found, outcome := sessions(t, pooler.DSN("app", "pass-word-1", "appdb"))
		if diff := cmp.Diff(c.want, found); diff != "" || (outcome.Reason == machine.ReasonOK) != (c.want.Role != "") {
			t.Errorf("%s: %s, %s\n%s", name, outcome.Reason, outcome.Message, diff)
		}
		if n := pooler.Counts(); n.Sockets != 1 || n.Startups != 1 {
			t.Errorf("%s: %+v", name, n)
		}
		pooler.Close()
	}
}
