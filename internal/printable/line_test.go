package printable

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestLine: what a terminal would obey is gone, what people read stays.
func TestLine(t *testing.T) {
	for words, want := range map[string]string{
		"":                            "",
		"no such database":            "no such database",
		"Datenbank „x“ fehlt":         "Datenbank „x“ fehlt",
		"\x1b[2J\x1b]0;pwn\x07":       "[2J ]0;pwn",
		"a\nsidecar: error: b":        "a sidecar: error: b",
		"a\u0085b\u2028c\u2029d":      "a b c d",
		"\u202eevil\u2066\ufeff":      "evil",
		"\u009b31mred":                "31mred",
		"half \xf0\x9f":               "half \uFFFD",
		strings.Repeat("é", 20):       strings.Repeat("é", 20),
		strings.Repeat("é", 21):       strings.Repeat("é", 19) + "…",
		strings.Repeat("x", 1000_000): strings.Repeat("x", 19) + "…",
	} {
		if got := Line(words, 20); got != want {
			t.Errorf("%.40q: %q, want %q", words, got, want)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add("\x1b[31m")
	f.Fuzz(func(t *testing.T, words string) {
		got := Line(words, 50)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 50 || strings.ContainsFunc(got, Hidden) {
			t.Errorf("%q", got)
		}
	})
}
