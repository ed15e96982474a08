package classify

import "dragonfly.internal/sidecar/internal/printable"

// longestLine is how many characters of a peer's words are kept.
const longestLine = 300

// OneLine makes a peer's words fit to print, at the length that is kept of them.
func OneLine(words string) string { return printable.Line(words, longestLine) }
