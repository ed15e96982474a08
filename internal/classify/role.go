package classify

import (
	"strings"
	"unicode/utf8"
)

// isAnothersLogin reports whether the role that was refused is not ours: then
// the pooler's own login failed (its auth_user, a forced user), and our
// credential was not judged (docs/facts.md#another-login).
func isAnothersLogin(text, user string) bool {
	if user == "" {
		return false
	}
	text = bare(text)
	for _, row := range texts {
		if !row.namesRole {
			continue
		}
		if role, ok := row.text.match(text); ok {
			return !isOurs(role, user)
		}
	}
	return false
}

// longestName is PostgreSQL's limit for a role's name, in bytes.
const longestName = 63

// isOurs reports whether a role as a server prints it is the user of our DSN.
// Supavisor prints it without .REF, Azure with or without @SERVER, and
// PostgreSQL cut at its limit, perhaps in the middle of a letter.
func isOurs(role, user string) bool {
	if role == user || strings.HasPrefix(user, role+".") || strings.HasPrefix(user, role+"@") || strings.HasPrefix(role, user+"@") {
		return true
	}
	whole := strings.ToValidUTF8(role, "")
	return len(user) > longestName && len(whole) > longestName-utf8.UTFMax && len(whole) <= longestName && strings.HasPrefix(user, whole)
}
