package dsn

import (
	"cmp"
	"log/slog"
	"strings"
)

// stars stand for the rest of a user name; mask, one longer, for the rest of a
// ref.
const stars = "***"

// Redacted returns the form of the DSN that may be printed (docs/dsn.md#what-is-printed):
// postgresql://postgres.iaketsyh****@host:port/db. At most 8 characters of the ref, of a
// user without a ref 3 characters and ***, no password, no query.
// Of a DSN that knows nothing it is postgresql://****.
func (d DSN) Redacted() string {
	if d.Host == "" {
		return "postgresql://" + mask
	}
	user, path := d.RedactedUser(), "/"+Encode(d.Database)
	if base, ref, hasRef := d.userRef(); hasRef {
		user = Encode(base) + "." + Encode(first(8, ref)) + mask
	}
	if d.noDatabase {
		path = "" // the default, which would spell the user out
	}
	return "postgresql://" + user + "@" + d.address() + path
}

// RedactedUser returns the user for a log line (docs/runbook.md#log-lines):
// postgres.*** for a user with a ref, else the first 3 characters and ***. It is ""
// when there is none.
func (d DSN) RedactedUser() string {
	base, _, hasRef := d.userRef()
	switch {
	case d.User == "":
		return ""
	case hasRef:
		return Encode(base) + "." + stars
	}
	return Encode(first(3, d.User)) + stars
}

// userRef splits the user where [Judge] found a ref in it.
func (d DSN) userRef() (base, ref string, hasRef bool) {
	if d.UserBase == d.User {
		return d.User, "", false
	}
	return cutRef(d.User)
}

// Attrs returns the fields of the [DB] line as attributes of a log record
// (docs/runbook.md#log-lines). What is not known is "none".
func (d DSN) Attrs() []slog.Attr {
	return []slog.Attr{
		slog.String("pooler_mode", string(cmp.Or(d.Mode, ModeUnknown))),
		slog.String("host", cmp.Or(d.Host, "none")),
		slog.Int("port", int(d.Port)),
		slog.String("user", cmp.Or(d.RedactedUser(), "none")),
		slog.String("project_ref", cmp.Or(Encode(d.ProjectRef), "none")),
		slog.String("sslmode", cmp.Or(d.SSLMode, "none")),
		slog.String("password_encoding", string(cmp.Or(d.Encoding, Missing))),
	}
}

// Line returns the line that operators know (docs/seed.md#log-lines):
// [DB] pooler_mode=... password_encoding=...
func (d DSN) Line() string {
	var b strings.Builder
	b.WriteString("[DB]")
	for _, attr := range d.Attrs() {
		b.WriteString(" " + attr.String())
	}
	return b.String()
}

// String returns the redacted form.
func (d DSN) String() string { return d.Redacted() }

// GoString returns the redacted form.
func (d DSN) GoString() string { return d.Redacted() }

// LogValue implements [slog.LogValuer] with the fields of the [DB] line.
func (d DSN) LogValue() slog.Value { return slog.GroupValue(d.Attrs()...) }

// first returns the first n characters of s, and no stars that a redacted text
// ends with already.
func first(n int, s string) string {
	runes := []rune(strings.TrimRight(s, "*"))
	return string(runes[:min(n, len(runes))])
}
