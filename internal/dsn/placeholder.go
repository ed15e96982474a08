package dsn

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The forms of a password that nobody chose. Each is anchored: a real password
// that only holds such a thing is a password.
var (
	// variables are what a shell, a platform or a template engine should have
	// replaced: ${X} ${{X}} {{X}} $(X) #{X} %X% %{X} %(X)s <%= X %> $env:X.
	variables = []*regexp.Regexp{
		regexp.MustCompile(`^(?:[$#]\{\{?\s*[A-Za-z_][\w.]*\s*(?:[:?+=|[(,/-].*)?\}?\}|\{\{.+\}\}|\{[A-Za-z_][\w .-]*\})$`),
		regexp.MustCompile(`^\$\([A-Za-z_][\w.]*(?:\s.*)?\)$`),
		regexp.MustCompile(`^%[A-Za-z_][\w.]*%$`),
		regexp.MustCompile(`^%(?:\{[A-Za-z_][\w.:]*\}|\([A-Za-z_][\w.]*\)s|env\(.*\)%)$`),
		regexp.MustCompile(`^<%.*%>$`),
		regexp.MustCompile(`^\$(?:\{|\()?(?:[A-Z_][A-Z0-9_]*|(?i:env:\w+|\w*(?:passw|pass_|pwd|secret)\w*|\w*_(?:pass|pw)))$`),
		regexp.MustCompile(`(?i)^(?:process\.env|import\.meta\.env|os\.environ|env)\.[a-z_]\w*$`),
	}
	// inBrackets is a word, or a few, in brackets of a template.
	inBrackets = regexp.MustCompile(`^(?:\[{1,2}[\p{L}_][\p{L}\d _.'-]*\]{1,2}|<{1,2}[\p{L}_][\p{L}\d _.'-]*>{1,2})$`)
	// shouted is how templates name a value to be put in: APP_PASSWORD.
	shouted = regexp.MustCompile(`^(?:[A-Z]+[-_])+(?:PASSWORD|PASSWD|PASS|PWD|PW)(?:[-_][A-Z]+)*$`)
	// starred is a word between stars, such as ***REDACTED***.
	starred = regexp.MustCompile(`^\*{2,}[A-Za-z]+\*{2,}$`)
	// templateWords are the words of templates without what stands between them.
	templateWords = regexp.MustCompile(`^(?:` +
		`(?:the|new|old|current|actual|real|enter|insert|put|type|paste|replace|with|strong|secure|url|uri|percent|encoded|escaped|raw|db|database|supabase|postgres|postgresql|pg|project)*password` + after +
		`|` + verb + `(?:your|my)(?:own|new|old|current|actual|real|very|super|strong|secure|safe|and|long|random|secret|url|percent|encoded|db|database|supabase|postgres|postgresql|pg|project|user|role|app)*(?:password|passwd|passphrase|pass|pwd|pw|secret|credentials?)` + after +
		`|(?:db|database|postgres|pg|supabase)(?:passwd|pass|pwd|pw)` +
		`|(?:change|replace)(?:me|this|it|now|here)+|placeholder|redacted|hidden|masked|removed|undefined|null|todo|fixme|x{3})$`)
)

// The words around a template's own.
const (
	verb  = `(?:enter|insert|put|type|paste|use|add|replace|with)*`
	after = `(?:goes|from|of|your|the|db|database|project|dashboard|supabase)*(?:here|placeholder)?`
)

// dots are the characters that stand for one hidden letter each.
const dots = "*•●∙·⬤○◦⚫＊∗✱✲⁎■▪█▮…․‧"

// placeholderFinding says what a password really is that nobody chose, nil for
// any other. text is as it stands in the DSN. The words of templates count on
// Supabase's hosts alone: a database of one's own may well have the password
// "password".
func placeholderFinding(text string, supabase bool) *Finding {
	for _, form := range []string{text, decodeLoosely(text), decodeLoosely(decodeLoosely(text))} {
		if message, hint := placeholder(form, supabase); message != "" {
			return find(PasswordPlaceholder, message, hint)
		}
	}
	return nil
}

// IsPlaceholder reports whether a password, as somebody types it, is one that
// nobody chose, on a host of Supabase or elsewhere.
func IsPlaceholder(password Secret, supabase bool) bool {
	message, _ := placeholder(password.Reveal(), supabase)
	return message != ""
}

// putTheRealOne ends the hints. Who follows them writes a password that "dsn
// encode" may have to see, and the next check says so.
const putTheRealOne = "put the database's own password there. Only you know it; Supabase's dashboard can set a new one (Database settings), and then every service needs the new one."

func placeholder(password string, supabase bool) (message, hint string) {
	matches := func(form *regexp.Regexp) bool { return form.MatchString(password) }
	switch {
	case !utf8.ValidString(password) || password == "":
		return "", ""
	case isMask(password) || matches(starred):
		return "The password is a mask: stars or dots that stand for the real one on a screen. Whoever copied the DSN copied these.",
			"Copy the password from where it is kept, not from a screen that hides it, and " + putTheRealOne
	case matches(inBrackets):
		return "The password is a placeholder: a word in the brackets of a template.",
			"Take the whole of it out, the brackets too, and " + putTheRealOne
	case matchesAny(variables, password):
		return "The password is the name of a variable which nothing has replaced by its value.",
			"Look at where the DSN is put together: the variable is not set there, or that place replaces none. Set it, or " + putTheRealOne
	case supabase && (templateWords.MatchString(bare(password)) || matches(shouted)):
		return "The password is the word of a template that stands for the real one.",
			"Take the word out, and " + putTheRealOne
	}
	return "", ""
}

func matchesAny(forms []*regexp.Regexp, text string) bool {
	for _, form := range forms {
		if form.MatchString(text) {
			return true
		}
	}
	return false
}

// bare is a word as templates are compared: lower case, without what stands
// between its parts.
func bare(text string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "", ".", "").Replace(text))
}

// isMask reports whether a text is one mask character again and again. A letter
// or a sign that could be typed has to be there often.
func isMask(text string) bool {
	first, size := utf8.DecodeRuneInString(text)
	least := 3 * size
	switch {
	case strings.ContainsRune(dots, first):
		least = size
	case first == 'x' || first == 'X':
		least = 4
	case unicode.IsLetter(first) || unicode.IsDigit(first):
		return false
	}
	return len(text) >= least && strings.Count(text, string(first))*size == len(text)
}

// decodeLoosely replaces what is a %XX and leaves every other % as it is: a
// placeholder may be encoded in part.
func decodeLoosely(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) && unhex(text[i+1]) >= 0 && unhex(text[i+2]) >= 0 {
			b.WriteByte(byte(unhex(text[i+1])<<4 | unhex(text[i+2])))
			i += 2
			continue
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
