package health

import (
	"regexp"
	"strings"
	"sync"

	"dragonfly.internal/sidecar/docs"
	m "dragonfly.internal/sidecar/internal/markup"
)

// runbookPage is the runbook as a page of the sidecar, so that who has nothing but the
// page has the steps as well. It is made once.
var runbookPage = sync.OnceValue(func() []byte {
	return m.Document(
		head("Runbook", ""),
		m.El("body", m.Attr("data-assets", assets),
			m.El("header", m.El("div", m.Class("bar"), m.El("a", m.Href("/"), m.Text("← Back to the state")), m.El("strong", m.Text("Pooler sidecar")))),
			m.El("main", m.Class("text"), blocks(docs.Runbook))))
})

// chapterTitle is the heading at a place of the runbook; empty when there is none.
func chapterTitle(place string) string { return chapterTitles()[place] }

var chapterTitles = sync.OnceValue(func() map[string]string {
	titles := make(map[string]string)
	for line := range strings.Lines(docs.Runbook) {
		if marks, heading, _ := strings.Cut(line, " "); marks == "##" || marks == "###" {
			titles[anchor(heading)] = strings.TrimSpace(heading)
		}
	}
	return titles
})

var notInAnchor = regexp.MustCompile(`[^a-z0-9 _-]`)

// anchor is the name of a heading's place, as on the sites that show such files.
func anchor(heading string) string {
	return strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), ""), " ", "-")
}

var (
	numbered = regexp.MustCompile(`^(\d+)\. +`)
	bulleted = regexp.MustCompile(`^[-*] +`)
	marked   = regexp.MustCompile("`([^`]+)`" + `|\*\*([^*]+)\*\*|\[([^\]]+)\]\(([^)]+)\)|\*([^*]+)\*`)
)

// blocks turns the part of Markdown that the runbook uses into elements: headings,
// paragraphs, quotations, lists, tables and fenced text.
func blocks(text string) m.Part {
	var all m.Group
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); {
		line := lines[i]
		switch {
		case strings.TrimSpace(line) == "":
			i++
		case strings.HasPrefix(line, "```"):
			end := until(lines, i+1, func(l string) bool { return strings.HasPrefix(l, "```") })
			all = append(all, m.El("pre", m.Attr("tabindex", "0"), m.El("code", m.Text(strings.Join(lines[i+1:end], "\n")))))
			i = end + 1
		case strings.HasPrefix(line, "## "):
			all = append(all, m.El("h2", m.Attr("id", anchor(line[3:])), inline(line[3:])))
			i++
		case strings.HasPrefix(line, "### "):
			all = append(all, m.El("h3", m.Attr("id", anchor(line[4:])), inline(line[4:])))
			i++
		case strings.HasPrefix(line, ">"):
			end := until(lines, i, func(l string) bool { return !strings.HasPrefix(l, ">") })
			var quoted strings.Builder
			for _, l := range lines[i:end] {
				quoted.WriteString(strings.TrimPrefix(l[1:], " ") + "\n")
			}
			all = append(all, m.El("blockquote", blocks(quoted.String())))
			i = end
		case strings.HasPrefix(line, "# "):
			all = append(all, m.El("h1", inline(line[2:])))
			i++
		case strings.HasPrefix(line, "|"):
			end := until(lines, i, func(l string) bool { return !strings.HasPrefix(l, "|") })
			all = append(all, table(lines[i:end]))
			i = end
		default:
			end := until(lines, i, func(l string) bool { return strings.TrimSpace(l) == "" || strings.HasPrefix(l, "```") })
			all = append(all, paragraph(lines[i:end]))
			i = end
		}
	}
	return all
}

// until is the first line from i on that fits, or the end.
func until(lines []string, i int, fits func(string) bool) int {
	for i < len(lines) && !fits(lines[i]) {
		i++
	}
	return i
}

// paragraph is one, or a list when its first line begins like an item.
func paragraph(lines []string) m.Part {
	item := bulleted
	list := m.Group{}
	if first := numbered.FindStringSubmatch(lines[0]); first != nil {
		item = numbered
		list = append(list, m.Attr("start", first[1]))
	}
	if !item.MatchString(lines[0]) {
		return m.El("p", inline(strings.Join(lines, "\n")))
	}
	for i := 0; i < len(lines); {
		end := until(lines, i+1, item.MatchString)
		list = append(list, m.El("li", inline(item.ReplaceAllString(strings.Join(lines[i:end], "\n"), ""))))
		i = end
	}
	if item == numbered {
		return m.El("ol", list)
	}
	return m.El("ul", list)
}

func table(lines []string) m.Part {
	var rows m.Group
	for i, line := range lines {
		if i == 1 { // the line under the head
			continue
		}
		var row m.Group
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			if words := inline(strings.TrimSpace(cell)); i == 0 {
				row = append(row, m.El("th", m.Attr("scope", "col"), words))
			} else {
				row = append(row, m.El("td", words))
			}
		}
		rows = append(rows, m.El("tr", row))
	}
	return m.El("div", m.Class("wide"), m.Attr("tabindex", "0"), m.El("table", rows))
}

// inline is text with code, strong words and links. A link to another page is its
// words alone: the binary has no other page.
func inline(text string) m.Part {
	var all m.Group
	for text != "" {
		at := marked.FindStringSubmatchIndex(text)
		if at == nil {
			return append(all, m.Text(text))
		}
		group := func(n int) string {
			if at[2*n] < 0 {
				return ""
			}
			return text[at[2*n]:at[2*n+1]]
		}
		all = append(all, m.Text(text[:at[0]]))
		place, here := strings.CutPrefix(group(4), "#")
		switch {
		case group(1) != "":
			all = append(all, m.El("code", m.Text(group(1))))
		case group(2) != "":
			all = append(all, m.El("strong", inline(group(2))))
		case group(5) != "":
			all = append(all, m.El("em", m.Text(group(5))))
		case here:
			all = append(all, m.El("a", m.HrefTo("", place), inline(group(3))))
		default:
			all = append(all, inline(group(3)))
		}
		text = text[at[1]:]
	}
	return all
}
