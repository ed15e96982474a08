// Package printable makes the words of others fit for a terminal, a log and a page.
package printable

import (
	"strings"
	"unicode"
)

// Line is words on one line of at most so many characters: no control characters and
// none of the invisible ones that turn text around.
func Line(words string, most int) string {
	words = strings.ToValidUTF8(words[:min(len(words), 16*most)], "\uFFFD")
	runes := []rune(strings.TrimSpace(strings.Map(func(r rune) rune {
		if Hidden(r) {
			return ' '
		}
		return r
	}, words)))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most-1]) + "…"
}

// Hidden reports whether a character is not seen, and may do something else: controls,
// those that turn text around, breaks of lines and paragraphs.
func Hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}
