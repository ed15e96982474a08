package classify

import "strings"

// pattern is a fixed text in which one * stands for the variable part: a name,
// a number, the rest. Without one it is the whole text. It always starts with
// fixed words, so nothing a tenant named can stand where the words are read.
type pattern string

// match compares a whole text and returns its variable part. A text that the
// pooler cut short may lack the end of the pattern.
func (p pattern) match(text string, cut bool) (variable string, ok bool) {
	begin, end, open := strings.Cut(string(p), "*")
	if !open {
		return "", text == begin
	}
	rest, ok := strings.CutPrefix(text, begin)
	if !ok {
		return "", false
	}
	if variable, ok = strings.CutSuffix(rest, end); ok || !cut {
		return variable, ok
	}
	// Three bytes tell `" does not exist` from `" is not accepting`; a closing
	// quote alone tells nothing and may be missing. PostgreSQL's names are at
	// most 63 bytes, so those three always arrive.
	for n := len(end) - 1; n >= min(len(end)-1, 3); n-- {
		if variable, ok = strings.CutSuffix(rest, end[:n]); ok {
			return variable, true
		}
	}
	return "", false
}
