package classify

import (
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// readRefusal reads an error response, in the order of docs/facts.md#sqlstate: the SQLSTATE
// where it says it all, the bracketed code, the fixed words, and at last what
// the SQLSTATE says in general.
func readRefusal(e *pgconn.PgError, user string) verdict {
	text := e.Message[:min(len(e.Message), longestText)]
	state, known := lookUpState(e.Code)
	v, read := state.verdict, known && !state.textFirst
	if !read {
		v, read = readText(text, false)
	}
	switch {
	case !read && known:
		v = state.verdict
	case !read:
		v = unknownWords
	}
	if v == authFailed && isAnothersLogin(text, user) {
		return poolersLogin
	}
	return v
}

// longestText bounds what is read: no pooler's words come near it.
const longestText = 2048

// readText reads words without a SQLSTATE: what a pooler says itself, and what
// PgBouncer passes on or remembers. It reports whether the words are known.
func readText(text string, cut bool) (verdict, bool) {
	if cause, cut, ok := cachedError(text); ok {
		return readCause(cause, cut), true
	}
	for _, table := range [][]phrase{supavisorCodes, texts} {
		for _, row := range table {
			if _, ok := row.text.match(text, cut); ok {
				return row.verdict, true
			}
		}
	}
	return verdict{}, false
}

// isAnothersLogin reports whether the role that was refused is not ours: then
// the pooler's own login failed (its auth_user, a forced user), and our
// credential was not judged (docs/facts.md#another-login). Supavisor prints our name
// without .REF.
func isAnothersLogin(text, user string) bool {
	if user == "" {
		return false
	}
	for _, row := range texts {
		if !row.namesRole {
			continue
		}
		if role, ok := row.text.match(text, false); ok {
			return role != user && !strings.HasPrefix(user, role+".")
		}
	}
	return false
}
