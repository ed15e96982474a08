package dsn

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// reading is the DSN while it is read, with what was found on the way.
type reading struct {
	rules      Rules
	dsn        DSN
	findings   []Finding
	user       string   // decoded, as it stands before the first colon
	coloned    bool     // that colon is encoded, so that no reader finds the password
	turned     bool     // the password looks like a user: the two may be turned round
	hasSSLMode bool     // the text asks for one, known or not
	ssl        string   // of the parameter ssl, which drivers have for sslmode
	translated []string // what was read as what it means
}

func (r *reading) add(f *Finding) { r.findings = append(r.findings, *f) }

func (r *reading) found(code Code, message, hint string) { r.add(find(code, message, hint)) }

// read takes the raw text. One that can't be read gives a DSN that knows
// nothing but its password's encoding: any part of it could be the password.
func read(raw string, rules Rules) reading {
	r := reading{rules: rules, dsn: DSN{Mode: ModeUnknown}}
	start, end, _ := passwordSpan(raw)
	password := raw[start:end]
	r.dsn.Encoding = encodingOf(password)
	r.turned = rules.looksTurned(decodeLoosely(password))
	user, tail, f := r.cut(raw)
	if f == nil {
		f = r.take(user, tail)
	}
	if f != nil {
		r.add(f)
	}
	r.password(password)
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
	r.user, r.dsn.Database, r.dsn.noDatabase = user, cmp.Or(database, user), database == ""
	if r.query(query); r.dsn.noDatabase && at.shared {
		return unreadable("The DSN names no database, and on a shared pooler the user name with its ref would be taken for one.",
			"Write a slash and the database after the port, like :6543/postgres")
	}
	if r.dsn.noDatabase {
		r.found(DatabaseMissing, "The DSN names no database: the one that is called like the user is meant.",
			"Write a slash and the database after the port, like /postgres")
	}
	return r.identity(at)
}

// password judges the raw text of the password. It is handed on only when its
// reading is not in doubt, and when somebody chose it.
func (r *reading) password(text string) {
	switch placeholder := placeholderFinding(text, r.atSupabase()); {
	case r.coloned:
		r.dsn.Encoding = NeedsEncoding
		r.found(PasswordNeedsEncoding, "The user name holds an encoded colon (%3A): user and password were encoded together, so that programs take both for the user name.",
			`FIX IMMEDIATELY: write the colon as it is, and behind it what "sidecar dsn encode" prints for the password alone.`)
	case placeholder != nil:
		r.add(placeholder)
	case r.dsn.Encoding == NeedsEncoding:
		r.add(passwordNeedsEncoding(text))
	case r.dsn.Encoding == Missing:
		switch {
		case arrange(r.findings) == ParseError: // nobody can tell
		case strings.HasSuffix(r.user, stars):
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

// atSupabase reports whether the host is one of Supabase's, or was meant to be.
func (r *reading) atSupabase() bool {
	return strings.HasSuffix(r.dsn.Host, ".supabase.com") || strings.HasSuffix(r.dsn.Host, ".supabase.co")
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
		if c := tail[i]; c == '<' || c == '{' {
			return ofTemplate("text after the @")
		} else if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}#", c) >= 0 {
			return unreadable("After the @ there is a space or another character that has to be percent-encoded.",
				"Look for spaces, quotes, braces and # in host, port, database and parameters; in a database or a parameter a space is written %20 and a # %23.")
		}
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) })
}
