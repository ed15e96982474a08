package classify

import "strings"

// pattern is a fixed text in which one * stands for the variable part: a name,
// a number, the rest. Without one it is the whole text. It always starts with
// fixed words, so nothing that a tenant named can stand where the words are
// read. Upper and lower case are the same: Supavisor has changed that twice.
type pattern string

// match compares a whole text and returns its variable part.
func (p pattern) match(text string) (variable string, ok bool) {
	begin, end, open := strings.Cut(string(p), "*")
	rest, ok := cutPrefix(text, begin)
	if !ok || !open {
		return "", ok && rest == ""
	}
	return cutSuffix(rest, end)
}

// matchCut compares a text that may have lost its end. It is told when enough
// has arrived to know the pattern by; it is possible when less has arrived than
// the words that the pattern begins with, and nothing else.
func (p pattern) matchCut(text string) (told, possible bool) {
	begin, end, open := strings.Cut(string(p), "*")
	if _, whole := p.match(text); whole {
		return true, false
	}
	if len(text) < len(begin) {
		return false, strings.EqualFold(text, begin[:len(text)])
	}
	rest, ok := cutPrefix(text, begin)
	if !ok || !open {
		return false, false
	}
	for n := len(end) - 1; n >= enough(end); n-- {
		if _, told = cutSuffix(rest, end[:n]); told {
			return true, false
		}
	}
	return false, false
}

// enough is how many bytes of a cut end tell it from others. Three tell
// `" does not exist` from `" is not accepting`; a closing quote alone tells
// nothing and may be missing. PostgreSQL's names are at most 63 bytes, so those
// three always arrive. In other alphabets three bytes are one letter.
func enough(end string) int {
	if strings.ContainsFunc(end, func(r rune) bool { return r > '~' }) {
		return len(end) / 2
	}
	return min(len(end)-1, 3)
}

// cutPrefix is [strings.CutPrefix] in any case.
func cutPrefix(text, prefix string) (string, bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}

// cutSuffix is [strings.CutSuffix] in any case.
func cutSuffix(text, suffix string) (string, bool) {
	at := len(text) - len(suffix)
	if at < 0 || !strings.EqualFold(text[at:], suffix) {
		return text, false
	}
	return text[:at], true
}
