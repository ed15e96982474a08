// Package markup builds HTML and SVG whose every text is escaped by construction.
//
// Names of elements and attributes are constants of the program: their type is not
// exported, so that only an untyped constant fits. Whatever comes from outside goes
// in as a value or a text, and both are escaped. There is no way to add raw markup.
package markup

import (
	"bytes"
	"html"
	"strings"
	"unicode"
)

// constant is a name, or a value that a browser acts on. A variable does not fit.
type constant string

// Part is what an element consists of: attributes, texts and other elements.
type Part interface {
	attribute(b *bytes.Buffer) // writes nothing unless it is an attribute
	content(b *bytes.Buffer)   // writes nothing if it is one
}

type element struct {
	name  constant
	parts []Part
	void  bool
}

// El is an element with an end tag.
func El(name constant, parts ...Part) Part { return element{name, parts, false} }

// Void is an element without content and end tag, such as meta.
func Void(name constant, parts ...Part) Part { return element{name, parts, true} }

func (e element) attribute(*bytes.Buffer) {}

func (e element) content(b *bytes.Buffer) {
	b.WriteByte('<')
	b.WriteString(string(e.name))
	for _, part := range e.parts {
		part.attribute(b)
	}
	b.WriteByte('>')
	if e.void {
		return
	}
	for _, part := range e.parts {
		part.content(b)
	}
	b.WriteString("</")
	b.WriteString(string(e.name))
	b.WriteByte('>')
}

type attribute struct {
	name  constant
	value string
}

// Attr is an attribute whose value may come from anywhere. A browser must not act
// on it: for an address there is [Href], and event handlers have no business here.
func Attr(name constant, value string) Part { return attribute{name, value} }

// Href is a link's address: a constant, so that no data decides where a link leads.
func Href(address constant) Part { return attribute{"href", string(address)} }

// HrefTo is a link to a place on a page. The place may come from anywhere, the page
// is a constant, empty for this one.
func HrefTo(page constant, place string) Part { return attribute{"href", string(page) + "#" + place} }

// Class is the attribute class.
func Class(names constant) Part { return attribute{"class", string(names)} }

// ID is the attribute id.
func ID(name constant) Part { return attribute{"id", string(name)} }

func (a attribute) attribute(b *bytes.Buffer) {
	b.WriteByte(' ')
	b.WriteString(string(a.name))
	b.WriteString(`="`)
	b.WriteString(escape(a.value))
	b.WriteByte('"')
}

func (a attribute) content(*bytes.Buffer) {}

// Text is text from anywhere.
type Text string

func (t Text) attribute(*bytes.Buffer) {}
func (t Text) content(b *bytes.Buffer) { b.WriteString(escape(string(t))) }

// Group is several parts as one. The empty group is nothing.
type Group []Part

func (g Group) attribute(b *bytes.Buffer) {
	for _, part := range g {
		part.attribute(b)
	}
}

func (g Group) content(b *bytes.Buffer) {
	for _, part := range g {
		part.content(b)
	}
}

// If is the part when the condition holds, else nothing.
func If(condition bool, part Part) Part {
	if condition {
		return part
	}
	return Group(nil)
}

// Document renders a whole HTML document.
func Document(parts ...Part) []byte {
	var b bytes.Buffer
	b.WriteString("<!DOCTYPE html>\n")
	El("html", append([]Part{Attr("lang", "en")}, parts...)...).content(&b)
	b.WriteByte('\n')
	return b.Bytes()
}

// escape makes text of anything. What is no character of a document is replaced, and so
// is what turns the direction of the text around it.
func escape(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return html.EscapeString(s)
}
