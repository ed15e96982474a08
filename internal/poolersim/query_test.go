package poolersim_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"dragonfly.internal/sidecar/internal/poolersim"
)

func TestQueries(t *testing.T) {
	everywhere(t, func(p *peer) {
		p.Set(poolersim.Script{Answer: func(sql string) (poolersim.Table, bool) {
			switch sql {
			case "SELECT usename, state FROM pg_stat_activity":
				return poolersim.Table{Columns: []string{"usename", "state"}, Rows: [][]string{{"app", "idle"}, {"web", "active"}}}, true
			case "SET x = 1":
				return poolersim.Table{}, true
			}
			return poolersim.Table{}, false
		}})
		conn := p.login("")
		defer p.leave(conn)

		for _, sql := range []string{"SELECT 1", " select 1; "} {
			if got, err := ask(p.Context(), conn, sql); got != "1" || err != nil {
				p.Errorf("%q: got %q, %v", sql, got, err)
			}
		}
		if got, err := ask(p.Context(), conn, "SET x = 1"); got != "" || err != nil {
			p.Errorf("no rows: got %q, %v", got, err)
		}
		if err := conn.Ping(p.Context()); err != nil {
			p.Errorf("ping: %v", err)
		}
		for range 2 { // the connection outlives an error
			_, err := ask(p.Context(), conn, "SELECT 2")
			wantRefusal(p, err, "ERROR", "42601", `the simulated pooler has no answer to "SELECT 2"`)
			_, err = conn.Exec(p.Context(), "SELECT 2").ReadAll()
			wantRefusal(p, err, "ERROR", "42601", `the simulated pooler has no answer to "SELECT 2"`)
		}
		results, err := conn.Exec(p.Context(), "SELECT usename, state FROM pg_stat_activity").ReadAll()
		if err != nil || len(results) != 1 {
			p.Fatalf("got %v, %v", results, err)
		}
		var rows []string
		for _, row := range results[0].Rows {
			rows = append(rows, string(row[0])+" "+string(row[1]))
		}
		if diff := cmp.Diff([]string{"app idle", "web active"}, rows); diff != "" {
			p.Errorf("rows (-want +got):\n%s", diff)
		}
		if got := results[0].FieldDescriptions[1].Name; got != "state" {
			p.Errorf("column %q", got)
		}
		if got := p.Counts().Queries; got != 9 {
			p.Errorf("%d queries, want 9", got)
		}
	})
}

func TestPreparedStatement(t *testing.T) {
	everywhere(t, func(p *peer) {
		conn := p.login("")
		defer p.leave(conn)
		if _, err := conn.Prepare(p.Context(), "", "SELECT 1", nil); err != nil {
			p.Fatal(err)
		}
		result := conn.ExecPrepared(p.Context(), "", nil, nil, nil).Read()
		if result.Err != nil || len(result.Rows) != 1 || string(result.Rows[0][0]) != "1" {
			p.Errorf("got %v", result)
		}
	})
}

// A refusal of the simple protocol's query arrives too.
func TestSimpleQueryRefused(t *testing.T) {
	everywhere(t, func(p *peer) {
		p.Set(poolersim.Script{OnQuery: poolersim.CachedError("connect failed")})
		conn := p.login("")
		defer p.leave(conn)
		_, err := conn.Exec(p.Context(), "SELECT 1").ReadAll()
		wantRefusal(p, err, "FATAL", "08P01", "server login has been failing, cached error: connect failed (server_login_retry)")
	})
}

// A CancelRequest comes on a socket of its own, gets no answer, and ends the hang.
func TestCancelRequest(t *testing.T) {
	bubble(t, func(p *peer) {
		p.Set(poolersim.Script{OnQuery: poolersim.Hang})
		conn := p.login("")
		defer p.leave(conn)
		asked := make(chan error)
		go func() {
			_, err := ask(context.Background(), conn, "SELECT 1")
			asked <- err
		}()
		synctest.Wait()
		if err := conn.CancelRequest(p.Context()); err != nil {
			p.Error(err)
		}
		if err := <-asked; err == nil || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "EOF") {
			p.Errorf("got %v", err)
		}
		<-conn.CleanupDone()
		// pgconn cancels once more by itself, whenever it loses a connection in a query.
		if got, want := p.Counts(), (poolersim.Counts{Sockets: 3, Startups: 1, Queries: 1, Cancels: 2}); got != want {
			p.Errorf("counted %+v, want %+v", got, want)
		}
	})
}
