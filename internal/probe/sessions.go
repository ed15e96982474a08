package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/classify"
)

// Activity is who is connected to the database server, as far as our role there
// may see it. Every text is scrubbed and fit to print.
type Activity struct {
	Sessions []Session
	Role     string // ours at the server: a pooler may log in there as another than the DSN's
	Grant    string // the SQL that shows Role all of every session; "" when it sees them, or there is none
	Pooled   bool   // a pooler stands between: the server sees its connections, not its clients
}

// Session stands for all sessions that are alike.
type Session struct {
	User          string
	Application   string
	State         string // pg_stat_activity's, or Hidden
	Count         int
	OldestSeconds *int64 // age of the oldest; nil when hidden
}

// Hidden is the state of sessions of which the server shows us no more than user
// and application.
const Hidden = "hidden"

// activityQuery groups the sessions of clients and replicas. Of another role's
// session pg_stat_activity shows even the kind and the begin to nobody without
// pg_read_all_stats; a database it does show, which background processes lack.
const activityQuery = `
SELECT current_user, r.rolinherit, current_setting('server_version_num'), pg_backend_pid(), g.*
FROM pg_catalog.pg_roles r, (
	SELECT usename, application_name,
		CASE WHEN backend_start IS NULL THEN '` + Hidden + `' ELSE coalesce(state, 'starting') END,
		count(*),
		trunc(extract(epoch FROM greatest(max(now() - backend_start), '0')))::bigint
		+ CASE WHEN max(backend_start) IS NULL THEN NULL ELSE 0 END
	FROM pg_catalog.pg_stat_activity
	WHERE usename IS NOT NULL
		AND (backend_type IN ('client backend', 'walsender') OR backend_type IS NULL AND datid IS NOT NULL)
	GROUP BY 1, 2, 3
) g
WHERE r.rolname = current_user
ORDER BY g.usename, g.count DESC, g.application_name`

// WithSessions returns a prober of the same DSN that asks who is connected, in
// place of SELECT 1: what it finds is there once a probe was ok.
func (p *Prober) WithSessions(found *Activity) *Prober {
	other := New(p.dsn, p.scrub, p.options)
	other.query = func(ctx context.Context, conn *pgconn.PgConn) error {
		var rows [][][]byte
		err := firstRows(conn.ExecParams(ctx, activityQuery, nil, nil, nil, nil), maxSessionRows, func(row [][]byte) error {
			kept := make([][]byte, len(row)) // the next row overwrites this one
			for i := range row {
				kept[i] = bytes.Clone(row[i])
			}
			rows = append(rows, kept)
			return nil
		})
		if err != nil {
			return err
		}
		activity, err := p.activity(rows, conn.PID())
		if err == nil {
			*found = activity
		}
		return err
	}
	other.maxBytes = maxSessionBytes
	return other
}

// activity reads the rows of activityQuery. The process that the server names is
// not the one that the login named when a pooler made up the latter.
func (p *Prober) activity(rows [][][]byte, pid uint32) (Activity, error) {
	var a Activity
	if len(rows) == 0 {
		return a, errors.New("pg_stat_activity shows no session, not even our own")
	}
	for _, row := range rows {
		if len(row) != 9 {
			return a, fmt.Errorf("pg_stat_activity gave %d columns", len(row))
		}
		count, err := strconv.Atoi(string(row[7]))
		if err != nil {
			return a, fmt.Errorf("pg_stat_activity gave no count: %w", err)
		}
		session := Session{User: p.word(row[4]), Application: p.word(row[5]), State: p.word(row[6]), Count: count}
		if seconds, err := strconv.ParseInt(string(row[8]), 10, 64); err == nil {
			session.OldestSeconds = &seconds
		}
		a.Sessions = append(a.Sessions, session)
		version, _ := strconv.Atoi(string(row[2]))
		a.Role = p.word(row[0])
		if session.State == Hidden {
			a.Grant = grant(a.Role, string(row[1]) == "t", version)
		}
		a.Pooled = string(row[3]) != strconv.FormatUint(uint64(pid), 10)
	}
	return a, nil
}

// word is a name that somebody else chose, fit to print.
func (p *Prober) word(text []byte) string { return p.scrub.Scrub(classify.OneLine(string(text))) }

// grant is the SQL that lets a role see all of every session, and nothing else. One
// that is NOINHERIT has nothing from a plain grant: from PostgreSQL 16 on the grant
// itself can say otherwise. Before that only the role could, and would then inherit
// all that it is a member of; so there is none, and another role has to look.
func grant(role string, inherits bool, version int) string {
	plain := `GRANT pg_read_all_stats TO "` + strings.ReplaceAll(role, `"`, `""`) + `"`
	switch {
	case inherits:
		return plain + ";"
	case version >= 16_00_00:
		return plain + " WITH INHERIT TRUE;"
	}
	return ""
}
