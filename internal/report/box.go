package report

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The widths of the seed's report (docs/seed.md#report). A box gets wider when a value needs it.
const (
	bannerWidth = 79
	boxWidth    = 77
	ruleWidth   = 78
)

// Rule is the line above and below a result.
var Rule = strings.Repeat("═", ruleWidth)

// Row is one line of a box.
type Row struct{ Name, Value string }

// Banner writes a title in a double frame.
func Banner(title string) string {
	line := strings.Repeat("═", bannerWidth)
	return fmt.Sprintf("╔%s╗\n║%s║\n╚%s╝\n", line, pad("  "+title, bannerWidth), line)
}

// Box writes a title and rows in a frame; the names are aligned.
func Box(title string, rows []Row) string {
	names, width := 0, boxWidth
	for _, r := range rows {
		names = max(names, utf8.RuneCountInString(r.Name))
	}
	texts := make([]string, len(rows))
	for i, r := range rows {
		texts[i] = "  " + pad(r.Name+":", names+2) + r.Value
		width = max(width, utf8.RuneCountInString(texts[i])+2)
	}
	line := strings.Repeat("─", width)
	var b strings.Builder
	fmt.Fprintf(&b, "┌%s┐\n│%s│\n├%s┤\n", line, pad("  "+title, width), line)
	for _, text := range texts {
		fmt.Fprintf(&b, "│%s│\n", pad(text, width))
	}
	fmt.Fprintf(&b, "└%s┘\n", line)
	return b.String()
}

// Result writes the last lines of a report; an empty action has none.
func Result(result, action string) string {
	if action != "" {
		action = "\n  ACTION: " + hanging(action) + "\n"
	}
	return fmt.Sprintf("%s\n  RESULT: %s\n%s%s\n", Rule, result, action, Rule)
}

// Below is what stands below a result: the section of the runbook about it, and
// notes. Empty ones are left out.
func Below(page string, notes ...string) string {
	var b strings.Builder
	if page != "" {
		b.WriteString("Runbook: " + page + "\n")
	}
	for _, note := range notes {
		if note != "" {
			b.WriteString("NOTE: " + note + "\n")
		}
	}
	return b.String()
}

// Indented breaks a text below a marked line, in line with its words.
func Indented(text string) string {
	return "   " + strings.Join(broken(text, ruleWidth-3), "\n   ") + "\n"
}

// hanging breaks the lines of an action, and puts them below each other.
func hanging(action string) string {
	const margin = "          " // as wide as "  ACTION: "
	var lines []string
	for line := range strings.SplitSeq(action, "\n") {
		lines = append(lines, broken(line, ruleWidth-len(margin))...)
	}
	return strings.Join(lines, "\n"+margin)
}

// broken breaks a sentence between words.
func broken(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

// pad fills a text up to a width in characters.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
