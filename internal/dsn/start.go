package dsn

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The mistakes with a name of their own, for a text that does not begin with
// the scheme.
var (
	scheme       = regexp.MustCompile(`^postgres(?:ql)?(?:\+[a-z0-9_]+)?://`)
	reference    = regexp.MustCompile(`^\$\{\{.*\}\}$`)
	command      = regexp.MustCompile(`(?i)^(?:\$\s+|sudo\s+)?(psql|pg_dump|pg_restore|pg_isready|pgcli)(?:\.exe)?\s`)
	keywordValue = regexp.MustCompile(`(?i)^(?:host|hostaddr|port|user|user id|username|password|dbname|database|service|sslmode|server|data source)\s*=`)
	assignment   = regexp.MustCompile(`(?i)^(?:export\s+|setx?\s+|env\s+|\$env:|-e\s+|--env\s+)?[a-z_]\w*\s*(?:=|:\s+)`)
	webAddress   = regexp.MustCompile(`(?i)^https?://`)
	anyScheme    = regexp.MustCompile(`(?i)^postgres(?:ql)?(?:\+\w+)?:`)
)

// Quotes of any kind, those of word processors and chats among them.
const quotes = "\"'`\u00b4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u2033\u00ab\u00bb\u2039\u203a\u300c\u300d\u300e\u300f\uff02\uff07"

// templateSigns are what templates put around the words that stand for something.
const templateSigns = "[]<>{}$"

// ofTemplate is the finding for a template that was pasted as it is.
func ofTemplate(field string) *Finding {
	return unreadable("The "+field+" holds the placeholder of a template: a word in brackets, or a variable that nothing has replaced.",
		"Copy the DSN from the Supabase dashboard, with the brackets gone and your own values in their place: "+pattern)
}

// wrongStart finds what spoils a text before its parts can be told: each of
// these parses without an error in some reader, and goes somewhere else
// (docs/facts.md#accepted-dsns). White space around the text is refused, not
// trimmed, for the same reason.
func wrongStart(raw string) *Finding {
	first, _ := utf8.DecodeRuneInString(raw)
	last, _ := utf8.DecodeLastRuneInString(raw)
	switch {
	case strings.TrimSpace(raw) == "":
		return unreadable("The DSN is empty.", "Set it to the connection string of the pooler: "+pattern)
	case strings.HasPrefix(raw, "\ufeff"):
		return unreadable("The DSN begins with a byte order mark (BOM), which cannot be seen.", "Save the file as UTF-8 without a BOM, or type the value again.")
	case strings.TrimSpace(raw) != raw:
		return unreadable("The DSN begins or ends with a space or a line break.", "Remove it: programs disagree on what it means.")
	case strings.ContainsFunc(raw, invisible):
		return unreadable("The DSN holds a line break, a tab or another invisible character.", "Paste it again as one line.")
	case scheme.MatchString(raw):
		if strings.ContainsRune(quotes, last) {
			return unreadable("The DSN ends with a quote.", "Remove the quote, if it does not belong to the last parameter; there it would be percent-encoded.")
		}
		return nil
	case strings.ContainsRune(quotes, first):
		return unreadable("The DSN stands in quotes.", "Remove the quotes, of whatever kind they are: the value begins with postgresql://")
	case reference.MatchString(raw):
		return unreadable("The DSN is a reference to another service's variable (${{...}}), which the platform has not replaced.",
			"Check the names in the reference: the platform replaces it only where that service has that variable, and in variables of its own alone. Or write the DSN itself.")
	case matchesAny(variables, raw):
		return unreadable("The DSN is the name of a variable, which nothing has replaced by its value.",
			"Look at where it is set: the variable is not known there, or that place replaces none. Or write the DSN itself.")
	case first == '<' || first == '[' || first == '(' || first == '{':
		return unreadable("The DSN stands in brackets, or is the placeholder of a template.", "The brackets (<...>, [...]) go: the value begins with postgresql://")
	case command.MatchString(raw):
		return unreadable("The DSN is a whole command, like psql '...'.", "Take what stands between the quotes of the psql command: the value begins with postgresql://")
	case strings.HasPrefix(strings.ToLower(raw), "jdbc:"):
		return unreadable("The DSN is a JDBC address (jdbc:...), which keeps user and password elsewhere.", "Without jdbc: and with user and password it is "+pattern)
	case keywordValue.MatchString(raw):
		return unreadable("The DSN is a list of keywords (host=... user=...), which this program does not read.", "Write the keywords as one address: "+pattern)
	case assignment.MatchString(raw):
		return unreadable("The DSN begins with the name of a variable.", "Take the name of the variable away: the value begins after the equals sign, with postgresql://")
	case webAddress.MatchString(raw):
		return unreadable("The DSN is the address of a web page or of an API.", "Copy the connection string of the pooler instead: "+pattern)
	case anyScheme.MatchString(raw):
		return unreadable("The DSN does not begin with postgresql:// exactly.", "Write the scheme in lower case, with two slashes: postgresql://")
	}
	return unreadable("The DSN does not begin with postgresql://", "Write it as "+pattern)
}

// invisible reports what nobody sees in a text: control characters, marks of
// direction and joints without a width.
func invisible(c rune) bool {
	return unicode.IsControl(c) || unicode.In(c, unicode.Cf, unicode.Zl, unicode.Zp)
}
