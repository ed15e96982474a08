package classify

import (
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// readRefusal reads an error response: words that decide whatever they come
// under, then the SQLSTATE where it says it all, then other known words, and at
// last what the SQLSTATE says in general (docs/facts.md#sqlstate).
func readRefusal(e *pgconn.PgError, user string) verdict {
	text := e.Message[:min(len(e.Message), longestText)]
	state, known := lookUpState(e.Code)
	v, read := readText(text, false)
	switch {
	case !known && !read:
		v = unknownWords
	case known && (!read || state.raised):
		v = state.verdict
	case known && !v.decides && !state.textFirst && v.reason != state.reason:
		v = state.verdict
	}
	if v.reason == machine.ReasonAuthFailed && isAnothersLogin(text, user) {
		return poolersLogin
	}
	return v
}

// longestText bounds what is read: no pooler's words come near it.
const longestText = 2048

// readText reads words without a SQLSTATE: what a pooler says itself, and what
// PgBouncer passes on or remembers. It reports whether the words are known; a
// text that may have lost its end is not if another one begins the same.
func readText(text string, cut bool) (verdict, bool) {
	text = bare(text)
	if v, ok := readMemory(text, cut); ok {
		return v, true
	}
	v, known := readWhole(text)
	if cut {
		v, known = readCut(text)
	}
	if !known && tellsRule(text, cut) {
		return verdict{reason: machine.ReasonConfigRejected, detail: machine.DetailAuthRule}, true // guessed: it decides nothing
	}
	return v, known
}

func readWhole(text string) (verdict, bool) {
	for _, row := range texts {
		if _, ok := row.text.match(text); ok {
			return row.verdict, true
		}
	}
	return verdict{}, false
}

func readCut(text string) (v verdict, known bool) {
	var doubts []verdict
	for _, row := range texts {
		told, possible := row.text.matchCut(text)
		switch {
		case told && !known:
			v, known = row.verdict, true
		case possible:
			doubts = append(doubts, row.verdict)
		}
	}
	if slices.ContainsFunc(doubts, func(other verdict) bool { return other != v }) {
		return verdict{}, false
	}
	return v, known
}

// forewords are what may stand before the words: the severity, which some poolers
// and tools repeat there, and Odyssey's name and number of the client.
var forewords = regexp.MustCompile(`^(?i:(?:fatal|error|panic): *|odyssey: [^ ]*: *)+`)

// bare takes the forewords off.
func bare(text string) string { return text[len(forewords.FindString(text)):] }

// tellsRule reports whether a text in a language that we do not know speaks of
// pg_hba.conf. It must stand outside the names, which are quoted and which
// tenants choose: before the first quote or behind the last.
func tellsRule(text string, cut bool) bool {
	const quotes = "\"'«»„“”‘’「」"
	before, behind := text, ""
	if at := strings.IndexAny(text, quotes); at >= 0 {
		before, behind = text[:at], text[strings.LastIndexAny(text, quotes):]
	}
	return strings.Contains(before, "pg_hba.conf") || !cut && strings.Contains(behind, "pg_hba.conf")
}
