package dsn

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// reading is the DSN while it is read, with what was found on the way.
type reading struct {
	dsn        DSN
	findings   []Finding
	hasSSLMode bool // the text asks for one, known or not
}

func (r *reading) add(f *Finding) { r.findings = append(r.findings, *f) }

func (r *reading) found(code Code, message, hint string) { r.add(find(code, message, hint)) }

// read takes the raw text. One that can't be read gives a DSN that knows
// nothing but its password's encoding: any part of it could be the password.
func read(raw string) reading {
	r := reading{dsn: DSN{Mode: ModeUnknown}}
	user, tail, f := cut(raw)
	if f == nil {
		f = r.take(user, tail)
	}
	if f != nil {
		r.add(f)
	}
	r.password(raw)
	if arrange(r.findings) == ParseError {
		r.dsn = DSN{Mode: ModeUnknown, Encoding: r.dsn.Encoding}
	}
	return r
}

// take reads the raw user and what follows the @, from the host outwards.
func (r *reading) take(rawUser, tail string) *Finding {
	if f := strayCharacter(tail); f != nil {
		return f
	}
	before, query, _ := strings.Cut(tail, "?")
	authority, path, _ := strings.Cut(before, "/")
	host, port, f := endpoint(authority)
	if f != nil {
		return f
	}
	at := placeOf(host)
	r.dsn.Host, r.dsn.Port = host, port
	r.dsn.Mode, r.dsn.Region = at.mode(port), at.region

	user, _ := decode(rawUser)
	if !printable(user) {
		return unreadable("The user name holds an invisible character.", "Type the user name again.")
	}
	database, _ := decode(path)
	if !wellFormed(path) || !printable(database) {
		return unreadable("The name of the database holds a character that has to be percent-encoded, or a second slash.",
			"After the port comes one slash and the database, like :6543/postgres")
	}
	r.dsn.User, r.dsn.Database = user, cmp.Or(database, user)
	r.query(query)
	return r.identity(at)
}

// identity tells role and project apart: on a shared host the ref is
// options=reference=REF, else what follows the last dot, Supavisor's own order;
// on a db host it is the host's (docs/dsn.md#modes).
func (r *reading) identity(at place) *Finding {
	d := &r.dsn
	base, ref, dotted := cutRef(d.User)
	d.UserBase, d.ProjectRef = d.User, at.ref
	if dotted && (at.shared || refShape.MatchString(ref) || ref == at.ref && at.db) {
		d.UserBase = base
	}
	if at.shared {
		d.ProjectRef = ref
		if d.Reference != "" {
			d.ProjectRef = d.Reference
		}
	}
	if d.UserBase == "" {
		return unreadable("The user name before the dot is missing.", "Write it as "+pattern)
	}
	return nil
}

// password judges the password on the raw text. It is handed on only when its
// reading is not in doubt.
func (r *reading) password(raw string) {
	start, end, _ := passwordSpan(raw)
	text := raw[start:end]
	r.dsn.Encoding = encodingOf(text)
	switch r.dsn.Encoding {
	case NeedsEncoding:
		r.add(passwordNeedsEncoding(text))
	case Missing:
		switch {
		case arrange(r.findings) == ParseError: // nobody can tell
		case strings.HasSuffix(r.dsn.User, stars):
			r.found(PasswordMissing, "This is the redacted form of a DSN: the stars stand for what was left out.", "Use the DSN itself.")
		default:
			r.found(PasswordMissing, "The DSN has no password.",
				`Run "sidecar dsn encode", type the password, and put a colon and what it prints between the user name and the @.`)
		}
	default:
		password, _ := decode(text)
		if strings.Contains(password, "\x00") {
			r.add(unreadable("The password holds %00, which PostgreSQL can't take.", `Run "sidecar dsn encode", type the password, and put what it prints between the : and the @.`))
		}
		r.dsn.Password = NewSecret(password)
	}
}

func passwordNeedsEncoding(text string) *Finding {
	hint := `FIX IMMEDIATELY: run "sidecar dsn encode", type the password, and put what it prints between the : and the @ of the DSN.`
	switch {
	case strings.HasPrefix(text, "["):
		hint += " If the square brackets are those of the dashboard's template, they go too."
	case strings.Contains(text, "@"):
		hint += " If the password has no @, look for one after the host: there it is written %40."
	}
	return find(PasswordNeedsEncoding,
		"The password holds a character that is not percent-encoded. Programs read such a DSN differently: a wrong password is sent, and that ends in a lockout.", hint)
}

// cutRef splits a user at its last dot.
func cutRef(user string) (base, ref string, dotted bool) {
	dot := strings.LastIndexByte(user, '.')
	if dot < 0 {
		return user, "", false
	}
	return user[:dot], user[dot+1:], true
}

// strayCharacter finds what no URL holds after the @ (RFC 3986, 2), and the #
// that urlsplit takes for the end and libpq for a letter.
func strayCharacter(tail string) *Finding {
	for i := range len(tail) {
		if c := tail[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}#", c) >= 0 {
			return unreadable("After the @ there is a space or another character that has to be percent-encoded.",
				"Look for spaces, quotes, braces and # in host, port, database and parameters; in a database or a parameter a space is written %20 and a # %23.")
		}
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) })
}
