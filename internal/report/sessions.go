package report

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"dragonfly.internal/sidecar/internal/advice"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// SessionsReport is who is connected to the server, seen with one login. Use
// [NewSessionsReport].
type SessionsReport struct {
	ProbeReport // the login; its query asked for the sessions
	Activity
	LoginAgain []string `json:"login_again"` // the roles with a session, in order
}

// Activity is who is connected: the prober's own, told to a report.
type Activity struct {
	Role     string    `json:"role"`   // ours at the server
	Pooled   bool      `json:"pooled"` // the sessions are a pooler's, not its clients'
	Grant    string    `json:"grant"`  // the SQL that shows Role all of every session; "" when it sees them, or there is none
	Sessions []Session `json:"sessions"`
}

const hidden = "hidden"

// Session stands for all sessions that are alike.
type Session struct {
	User          string `json:"user"`
	Application   string `json:"application"`
	State         string `json:"state"` // pg_stat_activity's, or hidden
	Count         int    `json:"count"`
	OldestSeconds *int64 `json:"oldest_seconds"` // null when hidden
}

// NewSessionsReport returns a report on a DSN for which nothing was dialled yet.
func NewSessionsReport(judged dsn.Report) SessionsReport {
	return SessionsReport{ProbeReport: NewProbeReport(judged), Activity: Activity{Sessions: []Session{}}, LoginAgain: []string{}}
}

// Took fills in a login and what was found with it.
func (r *SessionsReport) Took(o machine.Outcome, found Activity) {
	r.ProbeReport.Took(o)
	if o.Reason != machine.ReasonOK {
		return
	}
	r.Activity = found
	r.Advice = "Running sessions survive a password change. Give every program of a role the new password before its next login."
	for _, s := range found.Sessions {
		if !slices.Contains(r.LoginAgain, s.User) {
			r.LoginAgain = append(r.LoginAgain, s.User)
		}
	}
}

// Text is the report for people.
func (r SessionsReport) Text() string {
	var b strings.Builder
	b.WriteString(Banner("SESSIONS") + "\n")
	fmt.Fprintf(&b, "DSN: %s\n\n", r.judged.DSN.Redacted())
	if r.QueryOK {
		b.WriteString(r.table() + "\n" + r.rotation())
	} else {
		b.WriteString(r.lines())
	}
	return b.String() + "\n" + r.ending()
}

// table lists the sessions, its columns aligned.
func (r SessionsReport) table() string {
	rows := [][]string{{"USER", "APPLICATION", "STATE", "SESSIONS", "OLDEST"}}
	for _, s := range r.Sessions {
		oldest := "-"
		if s.OldestSeconds != nil {
			oldest = age(time.Duration(*s.OldestSeconds) * time.Second)
		}
		rows = append(rows, []string{s.User, unnamed(s.Application), s.State, fmt.Sprint(s.Count), oldest})
	}
	return columns(rows)
}

// rotation says what a new password would mean for them.
func (r SessionsReport) rotation() string {
	var b strings.Builder
	b.WriteString("Running sessions survive a password change: a password is asked for at a login only.\n" +
		"After one, these log in again, at the latest when their session ends:\n\n")
	for _, user := range r.LoginAgain {
		var programs []string
		for _, s := range r.Sessions {
			if name := unnamed(s.Application); s.User == user && !slices.Contains(programs, name) {
				programs = append(programs, name)
			}
		}
		own := ""
		if user == r.Role {
			own = " (this DSN's role at the server)"
		}
		fmt.Fprintf(&b, "  %s%s: %s\n", user, own, strings.Join(programs, ", "))
	}
	b.WriteString("\nOne session of " + r.Role + " is this command's own.\n")
	if r.Pooled {
		b.WriteString("A pooler stands between: these are its connections to the server. Its clients are not\n" +
			"listed, and each of them logs in to the pooler again.\n")
	}
	if slices.ContainsFunc(r.Sessions, func(s Session) bool { return s.State == hidden }) {
		fmt.Fprintf(&b, "\n%s may not see the state and age of other roles' sessions, and need not for its work.\n"+
			"Whoever may, such as postgres, sees them: with that role's DSN in this command, or with the\n"+
			"query under \"Look past the pool\" in %s.\n", r.Role, advice.Runbook)
	}
	return b.String()
}

// unnamed stands for an application that gave no name.
func unnamed(application string) string {
	if application == "" {
		return "(unnamed)"
	}
	return application
}

// columns writes rows below each other, each column as wide as its widest cell.
func columns(rows [][]string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, "  "+strings.Join(row, "\t"))
	}
	w.Flush()
	return b.String()
}

// age is a span of time in its two largest units.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}
