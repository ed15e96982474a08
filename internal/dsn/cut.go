package dsn

import (
	"regexp"
	"strings"
	"unicode"
)

// pattern is what a DSN should look like; hints end with it.
const pattern = "postgresql://USER.REF:PASSWORD@aws-0-REGION.pooler.supabase.com:6543/postgres?sslmode=require"

// The mistakes with a name of their own, for a text that does not begin with
// the scheme.
var (
	assignment   = regexp.MustCompile(`(?i)^(?:export\s+|set\s+|\$env:)?[a-z_]\w*\s*=\s*["']?postgres(?:ql)?://`)
	keywordValue = regexp.MustCompile(`(?i)^(?:host|hostaddr|port|user|password|dbname|service|sslmode)\s*=`)
	driverScheme = regexp.MustCompile(`(?i)^(?:jdbc:)?postgres(?:ql)?(?:\+\w+)?:`)
)

// cut takes the raw text apart at the last @, the one place where every mistake
// in a password can still be seen, and decodes none of it: the user, and all
// that follows the @. The password between them is passwordSpan's. Findings
// repeat nothing of the text.
func cut(raw string) (user, tail string, f *Finding) {
	if f := wrongStart(raw); f != nil {
		return "", "", f
	}
	_, rest, _ := strings.Cut(raw, "://")
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return "", "", unreadable("The DSN has no user name: there is no @ in it.", "Write it as "+pattern)
	}
	userinfo, tail := rest[:at], rest[at+1:]
	user, _, hasPassword := strings.Cut(userinfo, ":")
	plain := user
	if !hasPassword { // what we print ourselves is read back, and never valid
		plain = strings.TrimRight(user, "*")
	}
	switch {
	case user == "":
		return "", "", unreadable("The user name is missing.", "Write it as "+pattern)
	case !wellFormed(plain):
		return "", "", unreadable("The user name holds a character that has to be percent-encoded, or there is more than one @.",
			"In the user name and the password only the characters A-Z a-z 0-9 - . _ ~ stand as they are; an @ is written %40.")
	case lateAt(userinfo):
		return "", "", unreadable("There is an @ after the host, and programs disagree on which one ends the password.",
			"Write every @ but the one before the host as %40.")
	}
	return user, tail, nil
}

// wrongStart finds what spoils a text before its parts can be told: each of
// these parses without an error in some reader, and goes somewhere else
// (docs/facts.md#accepted-dsns). White space around the text is refused, not
// trimmed, for the same reason.
func wrongStart(raw string) *Finding {
	switch {
	case strings.TrimSpace(raw) == "":
		return unreadable("The DSN is empty.", "Set it to the connection string of the pooler: "+pattern)
	case strings.TrimSpace(raw) != raw:
		return unreadable("The DSN begins or ends with a space or a line break.", "Remove it: programs disagree on what it means.")
	case strings.ContainsFunc(raw, unicode.IsControl):
		return unreadable("The DSN holds a line break, a tab or another invisible character.", "Paste it again as one line.")
	case strings.HasPrefix(raw, "postgresql://"), strings.HasPrefix(raw, "postgres://"):
		return nil
	case strings.ContainsAny(raw[:1], "\"'`"):
		return unreadable("The DSN stands in quotes.", "Remove the quotes: the value begins with postgresql://")
	case assignment.MatchString(raw):
		return unreadable("The DSN begins with the name of a variable.", "The value begins after the equals sign, with postgresql://")
	case keywordValue.MatchString(raw):
		return unreadable("The DSN is a list of keywords (host=... user=...), which this program does not read.", "Write it as "+pattern)
	case driverScheme.MatchString(raw):
		return unreadable("The DSN does not begin with postgresql:// exactly.", "Write the scheme in lower case, with two slashes and without a driver's name: postgresql://")
	}
	return unreadable("The DSN does not begin with postgresql://", "Write it as "+pattern)
}

// lateAt reports whether what stands before the last @ already has an @ with a
// host of Supabase after it, so that the last one belongs to the path or the
// query and not to the password.
func lateAt(userinfo string) bool {
	_, after, _ := strings.Cut(userinfo, "@")
	end := strings.IndexAny(after, ":/?#")
	return end >= 0 && placeOf(plainHost(after[:end])) != (place{})
}

// passwordSpan finds the longest text that any reader could take for the
// password: from the colon that ends the user to the last @. Not found means
// that nothing can be told apart, or that there is no password.
func passwordSpan(raw string) (start, end int, found bool) {
	scheme := strings.Index(raw, "://")
	if scheme < 0 || strings.ContainsAny(raw[:scheme], ":@") {
		return 0, 0, false
	}
	end = strings.LastIndexByte(raw, '@')
	user := strings.IndexAny(raw[scheme+3:], ":/?#@") + scheme + 3
	if raw[user] != ':' || end <= user {
		return 0, 0, false
	}
	return user + 1, end, true
}
