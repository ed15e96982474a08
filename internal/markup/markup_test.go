package markup

import (
	"strings"
	"testing"
)

// FuzzEscape: no text gets out of its place, be it content or a value.
func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"", "plain", `"><script>alert(1)</script>`, "</p>", "a\x00b\xff\u202e", "&amp;", "' onload='x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		page := string(Document(El("p", Attr("title", s), Text(s))))
		rest, ok := strings.CutPrefix(page, "<!DOCTYPE html>\n<html lang=\"en\"><p title=\"")
		value, rest, found := strings.Cut(rest, `">`)
		text, end, closed := strings.Cut(rest, "</p>")
		if !ok || !found || !closed || end != "</html>\n" || value != text || strings.ContainsAny(value, "<>\"'\x00\u202e") {
			t.Errorf("%q became %q", s, page)
		}
	})
}

// TestGroup: attributes and content of a group go where they belong.
func TestGroup(t *testing.T) {
	part := Group{Class("c"), Text("x"), If(false, Text("no")), If(true, Void("br"))}
	if got, want := string(Document(El("p", part))), "<!DOCTYPE html>\n<html lang=\"en\"><p class=\"c\">x<br></p></html>\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
