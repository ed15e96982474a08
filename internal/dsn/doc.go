// Package dsn judges a PostgreSQL connection URL before anybody dials it.
//
// It exists because one text is read in different ways (docs/facts.md#dsn-readers):
// libpq and pgx end the password at the first @, Python's urlsplit at the last one,
// and a raw "/" in a password turns the user into the host. A wrong reading is a wrong
// password, and a wrong password ends in a lockout. So the raw text is judged,
// never a library's reading of it:
//
//	raw text ──cut──▶ user, password, host, query ──read──▶ DSN
//	                                                         │
//	    Report ◀── findings in order of precedence ◀──guard──┘ + waiver
//
// [Judge] is the one entry. It is pure: no clock, no socket, no file, no
// environment. What it promises (docs/design.md#invariants-and-their-tests, 5 and 7):
//
//   - a text on which readers could differ is never VALID;
//   - nothing that a Report prints holds a piece of the password, not even when
//     the text can't be read;
//   - a host is recognised whole, never by a part of its name.
package dsn
