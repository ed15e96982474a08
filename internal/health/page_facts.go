package health

import (
	"fmt"
	"strconv"
	"strings"

	"dragonfly.internal/sidecar/internal/dsn"
	m "dragonfly.internal/sidecar/internal/markup"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// findings are what the guard says of the DSN, and a waiver that is about to end.
func findings(s Status) m.Part {
	list := m.Group{m.Class("findings")}
	for _, f := range s.Guard.Findings {
		list = append(list, finding("Finding", f))
	}
	for _, f := range s.Guard.Pending {
		list = append(list, finding("Pending finding, of the new DSN in the file, which is not used", f))
	}
	if w := s.Waiver; w.Status == dsn.WaiverExpiring && w.Expires != nil {
		list = append(list, m.El("li", m.Class("warning"), m.El("strong", m.Text("Waiver: ")), m.Text(waiverWords(w)), instant(*w.Expires),
			m.El("p", m.Text("After that the next start is refused. To do: "), m.El("a", m.HrefTo("/runbook", waiverChapter), m.Text(chapterTitle(waiverChapter))), m.Text("."))))
	}
	if len(list) == 1 {
		return m.El("div", m.ID("findings"), m.Attr("data-part", ""))
	}
	return part("findings", "", "Findings of the DSN guard", m.El("ul", list))
}

func finding(name string, f dsn.Finding) m.Part {
	return m.El("li", m.Attr("class", string(f.Severity)), m.El("strong", m.Text(name+", "+string(f.Severity)+": ")), m.El("code", m.Text(string(f.Code))),
		m.El("p", quoted(f.Message)), m.If(f.Hint != "", m.El("p", m.Text("To do: "), quoted(f.Hint))))
}

// quoted is text that may come from outside; it cannot turn the order of what
// stands around it.
func quoted(text string) m.Part { return m.El("bdi", m.Text(text)) }

// errorPart is the last attempt that failed, and the server error behind it.
func errorPart(s Status) m.Part {
	last := s.LastAttempt
	if (last == nil || last.Reason == string(machine.ReasonOK)) && s.Cause == "" {
		return m.El("div", m.ID("error"), m.Attr("data-part", ""))
	}
	rows := m.Group{}
	if last != nil && last.Reason != string(machine.ReasonOK) {
		where := last.Reason
		if last.Step != "" {
			where += " at step " + last.Step
		}
		if last.SQLState != "" {
			where += ", SQLSTATE " + last.SQLState
		}
		rows = append(rows, m.El("blockquote", quoted(last.Message)), m.El("p", m.Class("quiet"), m.Text(where+", "), instant(last.At)))
	}
	return part("error", "", "Last error", rows, m.If(s.Cause != "", m.El("p", m.El("strong", m.Text("Cause: ")), quoted(s.Cause))))
}

// facts are what the sidecar looks at, and how it looks.
func facts(d pageData) m.Part {
	list := m.Group{m.Class("facts")}
	add := func(name string, value ...m.Part) {
		list = append(list, m.El("div", m.El("dt", m.Text(name)), m.El("dd", value...)))
	}
	text := func(name, value string) {
		if value != "" {
			add(name, quoted(value))
		}
	}
	if d.DSN.Host != "" {
		text("Database", d.DSN.Host+":"+strconv.Itoa(int(d.DSN.Port)))
	}
	text("User", d.DSN.User)
	text("Project", strings.Trim(d.DSN.ProjectRef+", "+d.DSN.Region, ", "))
	text("Connection", connection(d.DSN, d.Guard.OK))
	text("Password", passwords[d.DSN.PasswordEncoding])
	text("Environment", string(d.Guard.Env))
	text("Reason", d.Reason)
	text("Trigger", d.Trigger)
	if d.Waiver.Status != dsn.WaiverNone && d.Waiver.Expires != nil {
		add("Waiver", m.Text(waiverWords(d.Waiver)), instant(*d.Waiver.Expires), m.If(d.Waiver.Reason != "", m.Group{m.Text(": "), quoted(d.Waiver.Reason)}))
	}
	text("Deadline kept in", storeWords(d.Store))
	if p := d.Proxy; p != nil {
		text("Proxy", proxyWords(*p))
		for _, held := range p.Held {
			add("Held by the proxy", quoted(held.Client), m.Text(": its own logins were refused; until "), instant(held.Until))
		}
	}
	text("Messages to people", d.Notifications.Words())
	add("Logins", m.Text(fmt.Sprintf("%d since the start, %d of them failed; inside a window: %d", d.Logins.Total, d.Logins.Failed, d.Logins.InWindow)))
	if d.LastSuccessAt != nil {
		add("Last success", instant(*d.LastSuccessAt))
	}
	text("Key of the lockout", d.Key)
	return part("facts", "", "Who asks, and whom", m.El("dl", list))
}

func connection(d StatusDSN, allowed bool) string {
	if d.Host == "" {
		return ""
	}
	if d.PoolerMode == dsn.ModeUnknown && !allowed {
		return "a host of no known kind, sslmode " + d.SSLMode
	}
	modes := map[dsn.Mode]string{
		dsn.ModeShared: "shared pooler", dsn.ModeDedicated: "dedicated pooler", dsn.ModeDirect: "direct, without a pooler", dsn.ModeUnknown: "a pooler of your own",
	}
	return modes[d.PoolerMode] + ", sslmode " + d.SSLMode
}

// passwords say how the password in the DSN is written; the password itself is nowhere.
var passwords = map[dsn.Encoding]string{
	dsn.SafePlain: "plain letters and digits", dsn.Encoded: "percent-encoded",
	dsn.NeedsEncoding: "needs encoding", dsn.Missing: "missing",
}

func waiverWords(w StatusWaiver) string {
	if w.Status == dsn.WaiverOver {
		return "expired on "
	}
	days := strconv.Itoa(w.DaysRemaining) + " days left"
	if w.DaysRemaining == 1 {
		days = "1 day left"
	}
	return string(w.Status) + ", " + days + ", until "
}

func storeWords(s Store) string {
	switch {
	case !s.Healthy:
		return s.Kind + ", which cannot be written: a restart would forget a window"
	case s.Kind == "memory":
		return "memory: a restart of the sidecar forgets a window"
	}
	return s.Kind
}

// historyPart lists the changes, the newest first. The reader may have opened it: only
// its rows are replaced.
func historyPart(s Status) m.Part {
	rows := m.Group{m.ID("history"), m.Attr("data-part", "")}
	for i := len(s.History) - 1; i >= 0; i-- {
		e := s.History[i]
		why := e.Reason
		if e.Trigger != "" {
			why += ", " + e.Trigger
		}
		rows = append(rows, m.El("tr", m.El("td", instant(e.At)), m.El("td", m.Text(e.From+" → "+e.To)), m.El("td", m.Text(why))))
	}
	if len(s.History) == 0 {
		rows = append(rows, m.El("tr", m.El("td", m.Attr("colspan", "3"), m.Text("None since the start."))))
	}
	headings := m.Group{}
	for _, name := range []m.Text{"Time", "Change", "Reason"} {
		headings = append(headings, m.El("th", m.Attr("scope", "col"), name))
	}
	return m.El("details", m.El("summary", m.Text("All changes")),
		m.El("div", m.Class("wide"), m.Attr("tabindex", "0"), m.Attr("role", "region"), m.Attr("aria-label", "All changes"),
			m.El("table", m.El("thead", m.El("tr", headings)), m.El("tbody", rows))))
}

func proxyWords(p StatusProxy) string {
	door := "refuses new connections"
	if p.Open {
		door = "open"
	}
	return fmt.Sprintf("%s, %d connected, %d logins refused", door, p.Connections, p.Refused)
}
