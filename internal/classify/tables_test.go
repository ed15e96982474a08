package classify

import (
	"slices"
	"strings"
	"testing"
)

// Every row of the tables can be reached, whatever the variable part says: no
// row hides another, and no name of a tenant reads as another row.
func TestNoPhraseHidesAnother(t *testing.T) {
	for _, row := range texts {
		begin, end, _ := strings.Cut(string(row.text), "*")
		for _, other := range append(texts, phrase{text: "x"}) {
			text := begin + string(other.text) + end
			if !strings.Contains(string(row.text), "*") {
				text = begin
			}
			if hides(row, other) {
				continue
			}
			if v, ok := readText(text, false); !ok || v != row.verdict {
				t.Errorf("%q is read as %+v, want %+v of %q", text, v, row.verdict, row.text)
			}
		}
	}
}

// hides names the two rows that are meant to yield to a more telling one.
func hides(row, other phrase) bool {
	return row.text == `(EAUTHQUERY) *` || row.text == `terminating connection due to *` && other.verdict == timedOut
}

func TestTablesAreWellFormed(t *testing.T) {
	seen := map[pattern]bool{}
	for _, row := range slices.Concat(texts, driverTexts) {
		if seen[row.text] || strings.Count(string(row.text), "*") > 1 || strings.HasPrefix(string(row.text), "*") {
			t.Errorf("%q: twice, or too many variable parts, or one at its start", row.text)
		}
		seen[row.text] = true
	}
	codes := map[string]bool{}
	for _, s := range sqlstates {
		if codes[s.code] || len(s.code) != 2 && wellFormed(s.code) == "" || s.trigger != "" {
			t.Errorf("SQLSTATE %q: twice, or malformed, or a lockout", s.code)
		}
		codes[s.code] = true
	}
}

// When a frame lost its end, three bytes of it still have to tell which it was.
func TestCutFramesAreTold(t *testing.T) {
	for _, a := range texts {
		for _, b := range texts {
			beginA, endA, _ := strings.Cut(string(a.text), "*")
			beginB, endB, _ := strings.Cut(string(b.text), "*")
			if a.verdict == b.verdict || beginA != beginB || len(endA) < 3 || len(endB) < 3 {
				continue
			}
			if endA[:3] == endB[:3] {
				t.Errorf("%q and %q are the same when cut", a.text, b.text)
			}
		}
	}
}
