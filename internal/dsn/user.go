package dsn

import (
	"regexp"
	"strings"
)

// invalidRef stands for a ref that is none. It may be the password of somebody
// who turned user and password round, so the text itself goes nowhere.
const invalidRef = "invalid"

// someRole stands in a hint for a role that may not be shown.
const someRole = "ROLE"

var (
	// roleShape is a name that somebody gave a role: letters, and at most a
	// number at its end. A generated password is hardly ever like it.
	roleShape = regexp.MustCompile(`^[a-z_][a-z_.-]{0,40}[0-9]{0,4}$`)
	// colon is what parts user and password, also where somebody encoded both as
	// one, once or more often.
	colon = regexp.MustCompile(`(?i):|%(?:25)*3a`)
	// refWord is what templates write in the place of a ref.
	refWord = regexp.MustCompile(`^(?:your|my)?(?:supabase)?(?:project)?(?:ref|reference|id|x{3,})$|^(?:your|my)?(?:supabase)?project$`)
)

// isRef reports whether a text is a project ref: shaped like one, or configured.
func (r Rules) isRef(text string) bool {
	return refShape.MatchString(text) || text == r.prodRef() || text == r.devRef()
}

// identity tells role and project apart: on a shared host the ref is
// options=reference=REF, else what follows the last dot, Supavisor's own order;
// on a db host it is the host's. A user of a shared host whose ref is none is
// never dialled, and is kept only as far as it may be printed.
func (r *reading) identity(at place) *Finding {
	d, rules := &r.dsn, r.rules
	base, ref, dotted := cutRef(r.user)
	if base == "" {
		return unreadable("The user name before the dot is missing.", "Write it as "+pattern)
	}
	known := dotted && (rules.isRef(ref) || at.db && ref == at.ref)
	d.User, d.UserBase, d.ProjectRef = r.user, r.user, at.ref
	if known {
		d.UserBase = base
	}
	d.role, d.doubtful = rules.roleIn(d.UserBase, known), r.turned
	if r.turned && !known && d.role != "postgres" {
		d.role = someRole
	}
	if at.shared {
		if d.ProjectRef = ref; d.Reference != "" {
			d.ProjectRef = d.Reference
		}
		if !known && (dotted || d.Reference == "") {
			d.User, d.UserBase = r.unproven(dotted)
		}
	}
	if d.ProjectRef != "" && !rules.isRef(d.ProjectRef) {
		d.ProjectRef = invalidRef
	}
	return nil
}

// unproven is what is kept of a user on a shared host that ends with no ref.
func (r *reading) unproven(dotted bool) (user, base string) {
	role := r.dsn.role
	if role == someRole {
		role = first(3, r.user)
	}
	if dotted {
		return role + "." + invalidRef, role
	}
	return role, role
}

// roleIn finds the role in a user for a hint: the user without any ref in it.
// Where the ref is not known to be one, no more than what stands before the
// first dot, and only what is like a role's name, for the rest could be a
// password.
func (r Rules) roleIn(user string, known bool) string {
	role := user
	for _, ref := range []string{r.prodRef(), r.devRef()} {
		role = strings.ReplaceAll(role, ref, "\x00")
	}
	role = anyRef.ReplaceAllString(role, "${1}\x00${2}")
	found := role != user
	role = strings.ReplaceAll(separated.ReplaceAllString(role, "\x00"), "\x00", "")
	if !found && !known {
		role, _, _ = strings.Cut(user, ".")
	}
	switch {
	case role == "" && found:
		return "postgres"
	case !known && !roleShape.MatchString(role), role == "":
		return someRole
	}
	return role
}

var (
	anyRef    = regexp.MustCompile(`(^|[^a-z])[a-z]{20}([^a-z]|$)`) // a ref between two ends
	separated = regexp.MustCompile(`[-_.:/ ]?\x00[-_.:/ ]?`)
)

// holdsRef reports whether a role has a project's ref in it, where none belongs.
func (r Rules) holdsRef(role string) bool {
	base, last, dotted := cutRef(role)
	return strings.Contains(role, r.prodRef()) || strings.Contains(role, r.devRef()) || dotted && base != "" && refShape.MatchString(last)
}

// looksTurned reports whether a password is what belongs into the user's place:
// a ref, or a user with one.
func (r Rules) looksTurned(password string) bool {
	_, ref, dotted := cutRef(password)
	return dotted && r.isRef(ref) || password == r.prodRef() || password == r.devRef()
}

// PublicRole is the role as it may be printed: whole where a ref follows it or it
// is like a name somebody gave, else as in [DSN.RedactedUser].
func (d DSN) PublicRole() string {
	if d.UserBase != d.User || !d.doubtful && d.Encoding != Missing && roleShape.MatchString(d.UserBase) {
		return d.UserBase
	}
	return d.RedactedUser()
}

// PublicDatabase is the database as it may be printed. One that is missing is
// the user's name, which is redacted like it.
func (d DSN) PublicDatabase() string {
	if d.noDatabase {
		return d.PublicRole()
	}
	return d.Database
}
