package classify

import (
	"strings"
	"unicode"
)

// longestLine is how many characters of a peer's words are kept.
const longestLine = 300

// OneLine makes a peer's words fit to print: one line, no control characters
// and none of the invisible ones that turn text around, at a bounded length.
func OneLine(words string) string {
	words = strings.ToValidUTF8(words[:min(len(words), longestText)], "\uFFFD")
	words = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, words)
	runes := []rune(strings.TrimSpace(words))
	if len(runes) <= longestLine {
		return string(runes)
	}
	return string(runes[:longestLine-1]) + "…"
}
