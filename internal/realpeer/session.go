package realpeer

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const sessionTimeout = 10 * time.Second

// session is a way in past the front door: the server's unix socket, which
// the counters of its TCP port do not see.
type session struct {
	dir, user, password, database string
	port                          int
}

// ask opens the session, runs sql and returns the rows of its last statement
// that had any. It uses the simple protocol, all that PgBouncer's console knows.
func (s session) ask(ctx context.Context, sql string) ([][]string, error) {
	ctx, cancel := context.WithTimeout(ctx, sessionTimeout)
	defer cancel()
	config, err := pgconn.ParseConfig(fmt.Sprintf("host=%s port=%d user=%s password='%s' dbname=%s sslmode=disable",
		s.dir, s.port, s.user, s.password, s.database))
	if err != nil {
		return nil, err
	}
	clear(config.RuntimeParams) // of the environment
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))

	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sql, err)
	}
	var rows [][]string
	for _, result := range results {
		if len(result.Rows) == 0 {
			continue
		}
		rows = nil
		for _, row := range result.Rows {
			var values []string
			for _, value := range row {
				values = append(values, string(value))
			}
			rows = append(rows, values)
		}
	}
	return rows, nil
}

// must is ask for a test.
func (s session) must(t testing.TB, sql string) [][]string {
	t.Helper()
	// Not t.Context: a cleanup may ask too, and it is over by then.
	rows, err := s.ask(context.Background(), sql)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// quote makes an SQL literal.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// name makes an SQL identifier.
func name(text string) string { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }
