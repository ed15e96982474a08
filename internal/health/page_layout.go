package health

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	m "dragonfly.internal/sidecar/internal/markup"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// pageData is what the page is made of.
type pageData struct {
	Status
	snapshot *supervisor.Snapshot
	started  time.Time // of the process
	now      time.Time
}

// layout is the whole page. Each part with an id is replaced by the script when it
// has changed; nothing in it changes with the mere time but the timeline.
func layout(d pageData) []byte {
	l := lookOf(d.Status)
	return m.Document(
		head(fmt.Sprintf("%s: %s", l.title, verdict(d.Status)), l.tone, m.El("noscript", m.Void("meta", m.Attr("http-equiv", "refresh"), m.Attr("content", "10")))),
		m.El("body", m.Attr("data-now", millis(d.now)), m.Attr("data-assets", assets), m.Attr("data-spoken", spoken(d.Status, l)),
			m.El("header", m.El("div", m.Class("bar"), m.El("strong", m.Text("Pooler sidecar")), m.El("span", m.Class("quiet"), m.Text(place(d.Status))))),
			m.El("main",
				hero(d, l),
				advicePart(d.Status, l),
				findings(d.Status),
				timelinePart(d),
				errorPart(d.Status),
				fleetPart(d.Status, d.now),
				facts(d),
				historyPart(d.Status),
			),
			m.El("p", m.ID("stale"), m.Attr("hidden", ""), m.Text("")),
			m.El("p", m.ID("spoken"), m.Class("unseen"), m.Attr("role", "status")),
			m.El("footer", m.El("div", m.Class("bar quiet"),
				m.El("nav", m.Attr("aria-label", "More"), m.El("a", m.Href("/runbook"), m.Text("Runbook")), m.El("a", m.Href("/status"), m.Text("Status as JSON")),
					m.El("a", m.Href("/readyz"), m.Text("Readiness")), m.El("a", m.Href("/metrics"), m.Text("Metrics"))),
				m.El("span", m.Text("Version "+d.Version+", instance "+d.Instance)))),
		),
	)
}

func head(title, tone string, extra ...m.Part) m.Part {
	return m.El("head", append([]m.Part{
		m.Void("meta", m.Attr("charset", "utf-8")),
		m.Void("meta", m.Attr("name", "viewport"), m.Attr("content", "width=device-width, initial-scale=1")),
		m.Void("meta", m.Attr("name", "color-scheme"), m.Attr("content", "light dark")),
		m.El("title", m.Text(title)),
		icon(tone),
		m.Void("link", m.Attr("rel", "stylesheet"), m.Href("/page.css")),
		m.El("script", m.Attr("src", "/page.js"), m.Attr("defer", "")),
	}, extra...)...)
}

// icon is the picture in the browser's tab: again shape and colour.
func icon(tone string) m.Part {
	marks := map[string]string{
		"ok":   "%3Ccircle cx='8' cy='8' r='7' fill='%23117a43'/%3E%3Cpath d='M4.5 8.5l2.5 2.5 4.5-5' stroke='white' stroke-width='2' fill='none'/%3E",
		"wait": "%3Cpath d='M8 1l7 14H1z' fill='%23b06c00'/%3E%3Cpath d='M8 6v5M8 12.5v1' stroke='white' stroke-width='2'/%3E",
		"stop": "%3Cpath d='M5 1h6l4 4v6l-4 4H5l-4-4V5z' fill='%23b3261e'/%3E%3Cpath d='M6 5v6M10 5v6' stroke='white' stroke-width='2'/%3E",
	}
	mark := cmp.Or(marks[tone], "%3Ccircle cx='8' cy='8' r='6' stroke='%23697180' stroke-width='2' fill='none'/%3E")
	return m.Void("link", m.ID("icon"), m.Attr("rel", "icon"), m.Attr("href", "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"+mark+"%3C/svg%3E"))
}

func verdict(s Status) string {
	if s.Ready {
		return "the database is ready"
	}
	return "the database is NOT ready"
}

// place says which database the page is about.
func place(s Status) string {
	if s.DSN.Host == "" {
		return "no database, " + string(s.Guard.Env)
	}
	return s.DSN.Host + ", " + string(s.Guard.Env)
}

// spoken is what a screen reader says when it changes; so it has no time in it that
// passes by itself.
func spoken(s Status, l look) string {
	words := l.title + ": " + verdict(s) + "."
	if s.State == string(machine.Lockout) && s.RetryAt != nil {
		words += " Wait until " + hourOf(*s.RetryAt) + "."
	}
	return words
}

// part is a region that the script can replace.
func part(id, class, heading string, content ...m.Part) m.Part {
	return m.El("section", append(m.Group{m.Attr("id", id), m.Attr("class", class), m.Attr("data-part", ""), m.Attr("aria-labelledby", id+"-title"),
		m.El("h2", m.Attr("id", id+"-title"), m.Text(heading))}, content...)...)
}

func hero(d pageData, l look) m.Part {
	lead := "T" + strings.TrimPrefix(verdict(d.Status), "t") + "."
	why := machine.RuleFor(machine.Reason(d.Reason)).From
	switch {
	case d.State == string(machine.Lockout) || d.Ready:
		why = ""
	case d.Reason == string(machine.ReasonLockout):
		why = "the pooler reports a lockout that may be an old one"
	}
	if d.WindowsInRow > 1 {
		why = fmt.Sprintf("%d windows in a row, without a success in between", d.WindowsInRow)
	}
	return m.El("section", m.ID("state"), m.Attr("class", "hero "+l.tone), m.Attr("data-part", ""), m.Attr("aria-labelledby", "state-title"),
		l.shape,
		m.El("div", m.Class("verdict"),
			m.El("h1", m.ID("state-title"), m.Text(l.title)),
			m.El("p", m.Class("lead"), m.Text(lead)),
			m.El("p", m.Text("Since "), recent(d.Since, d.now), m.If(why != "", m.Text(": "+why)), m.Text("."))),
		countdown(d))
}

// countdown is the time to the end of a window, or to the next attempt, to a time on the
// wall. The script moves it, and adds the reader's own time.
func countdown(d pageData) m.Part {
	if d.RetryAt == nil {
		return m.Group(nil)
	}
	what := "Next attempt"
	if d.State == string(machine.Lockout) {
		what = "No attempts until"
	}
	window := d.snapshot.Window()
	return m.El("div", m.Class("countdown"),
		m.El("p", m.Class("left"), m.Attr("role", "timer"), m.Attr("data-until", millis(*d.RetryAt)), m.Text(clockLeft(d.RetryAt.Sub(d.now)))),
		m.If(window > 0, m.El("progress", m.Attr("aria-label", "How much of the window is over"), m.Attr("max", strconv.Itoa(int(window/time.Second))),
			m.Attr("data-until", millis(*d.RetryAt)), m.Attr("value", strconv.Itoa(int(max(0, window-d.RetryAt.Sub(d.now))/time.Second))))),
		m.El("p", m.Text(what+" "), recent(*d.RetryAt, d.now), m.El("span", m.Class("own"), m.Attr("data-own", d.RetryAt.Format(time.RFC3339)))))
}

func advicePart(s Status, l look) m.Part {
	_, section, _ := strings.Cut(s.Runbook, "#")
	chapter := cmp.Or(section, anyChapter)
	if s.Ready && s.Guard.OK {
		return part("advice", "", "What to do", m.El("p", m.Class("say"), m.Text(s.Advice)))
	}
	never := m.Group{}
	for _, sentence := range l.never {
		never = append(never, m.El("li", m.Text(sentence)))
	}
	return m.El("div", m.ID("advice"), m.Class("cards"), m.Attr("data-part", ""),
		m.El("section", m.Class("do"), m.Attr("aria-labelledby", "do-title"), m.El("h2", m.ID("do-title"), m.Text("What to do")), m.El("p", m.Class("say"), m.Text(s.Advice)),
			m.El("p", m.Text("Step by step: "), m.El("a", m.HrefTo("/runbook", chapter), m.Text(chapterTitle(chapter))), m.Text("."))),
		m.If(len(never) > 0, m.El("section", m.Class("never"), m.Attr("aria-labelledby", "never-title"), m.El("h2", m.ID("never-title"), m.Text("What NOT to do")), m.El("ul", never...))))
}

func timelinePart(d pageData) m.Part {
	words := timelineWords(d.snapshot, d.started, d.now)
	pictures := m.Group{drawTimeline(d.snapshot, d.started, d.now, lastDay, words)}
	if d.now.Sub(d.Since) < lastHour.past && d.Since.After(d.started) {
		pictures = append(pictures, m.El("h3", m.Text("The last hour of it, closer")),
			drawTimeline(d.snapshot, d.started, d.now, lastHour, "The last hour of the same, at closer range."))
	}
	legend := m.Group{m.Class("legend")}
	for _, one := range []struct{ class, name string }{
		{"ready", "ready"}, {"down", "not ready"}, {"window", "lockout window: no logins"}, {"login", "logins"}, {"failed", "failed login"}, {"unknown", "not known"},
	} {
		legend = append(legend, m.El("li", sample(one.class), m.Text(one.name)))
	}
	return part("timeline", "", "Last 24 hours", m.El("p", m.Text(words)), hatch(), pictures, m.El("ul", legend))
}

// sample is a piece of the timeline for its legend.
func sample(class string) m.Part {
	mark := m.El("rect", m.Attr("class", class), m.Attr("width", "18"), m.Attr("y", "0"), m.Attr("height", "12"))
	switch class {
	case "down":
		mark = m.El("rect", m.Class("down"), m.Attr("width", "18"), m.Attr("y", "6"), m.Attr("height", "6"))
	case "login":
		mark = m.El("line", m.Class("login"), m.Attr("x1", "2"), m.Attr("x2", "16"), m.Attr("y1", "6"), m.Attr("y2", "6"))
	case "failed":
		mark = m.El("line", m.Class("failed"), m.Attr("x1", "9"), m.Attr("x2", "9"), m.Attr("y1", "0"), m.Attr("y2", "12"))
	}
	return m.El("svg", m.Class("timeline sample"), m.Attr("width", "18"), m.Attr("height", "12"), m.Attr("aria-hidden", "true"), mark)
}

// instant is a time in UTC, with its day where it is not clear; the script tells the
// reader's own.
func instant(t time.Time) m.Part {
	return m.El("time", m.Attr("datetime", t.UTC().Format(time.RFC3339)), m.Text(stampOf(t)))
}

// recent is an instant without its day when that is clear.
func recent(t, now time.Time) m.Part {
	if now.Sub(t).Abs() > 12*time.Hour {
		return instant(t)
	}
	return m.El("time", m.Attr("datetime", t.UTC().Format(time.RFC3339)), m.Text(hourOf(t)))
}

func stampOf(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func hourOf(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// clockLeft is a remaining time as a clock shows it, rounded up like every other.
func clockLeft(d time.Duration) string {
	seconds := machine.CeilSeconds(max(0, d))
	if seconds >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}
