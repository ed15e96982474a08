package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"dragonfly.internal/sidecar/internal/advice"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// ProbeReport is what one probe came to (docs/commands.md#probe). Use [NewProbeReport].
type ProbeReport struct {
	Result   string           `json:"result"` // PASS or FAIL
	Reason   string           `json:"reason"`
	Trigger  string           `json:"trigger"`
	ExitCode int              `json:"exit_code"`
	DSN      health.StatusDSN `json:"dsn"`
	Login    Login            `json:"login"`
	QueryOK  bool             `json:"query_ok"`
	Window   Window           `json:"window"`
	Advice   string           `json:"advice"`

	judged  dsn.Report
	action  string // what Advice has of it that fits below a result
	meaning string // what a lockout means; "" for everything else
	page    string // of the runbook
	note    string
	refused bool // nothing was dialled
}

// Login is what one login came to.
type Login struct {
	OK        bool   `json:"ok"` // the login itself; the query may have failed
	Step      string `json:"step"`
	SQLState  string `json:"sqlstate"`
	Message   string `json:"message"`
	LatencyMS int64  `json:"latency_ms"`
}

// Window is the lockout window that kept a command from dialling, if one did.
type Window struct {
	RetryAt        *time.Time `json:"retry_at"`
	RetryInSeconds int64      `json:"retry_in_seconds"`
	Source         string     `json:"source"` // sidecar, store or none
}

// NewProbeReport returns a report on a DSN for which nothing was dialled yet.
func NewProbeReport(judged dsn.Report) ProbeReport {
	return ProbeReport{
		Result: "FAIL", ExitCode: exit.Failure, DSN: health.DSN(judged.DSN),
		Window: Window{Source: "none"}, judged: judged,
	}
}

// Took fills in a login.
func (r *ProbeReport) Took(o machine.Outcome) {
	r.Reason, r.Trigger = string(o.Reason), string(o.Trigger)
	r.QueryOK = o.Reason == machine.ReasonOK
	r.Login = Login{
		OK:   r.QueryOK || o.Step == machine.StepQuery,
		Step: string(o.Step), SQLState: o.SQLState, Message: o.Message, LatencyMS: o.Latency.Milliseconds(),
	}
	words := wordsOn(o, r.judged)
	r.Advice, r.action, r.page = words.Text(), words.Action(), words.Page()
	switch o.Reason {
	case machine.ReasonOK:
		r.Result, r.ExitCode, r.action, r.page = "PASS", exit.OK, "", ""
	case machine.ReasonLockout:
		r.ExitCode, r.meaning = exit.Lockout, words.Meaning()
	}
}

// wordsOn is what one login came to, in the words of people.
func wordsOn(o machine.Outcome, judged dsn.Report) advice.Situation {
	host := advice.Own
	switch judged.DSN.Mode {
	case dsn.ModeShared:
		host = advice.Shared
	case dsn.ModeDedicated, dsn.ModeDirect:
		host = advice.DB
	}
	return advice.Asked(o, host)
}

// Refused fills in why nothing is dialled.
func (r *ProbeReport) Refused(s Standing) {
	r.Reason, r.Trigger, r.ExitCode, r.refused = s.Reason, s.Trigger, s.ExitCode, true
	r.Login.Message, r.Advice, r.Window = s.Message, s.Advice, s.Window
	r.action, r.page = s.Advice, s.page()
}

// Note adds a line below the result.
func (r *ProbeReport) Note(text string) { r.note = text }

// Text is the report that operators know (docs/seed.md#report).
func (r ProbeReport) Text() string {
	var b strings.Builder
	b.WriteString(Banner("PROBE DATABASE") + "\n")
	d := r.judged.DSN
	fmt.Fprintf(&b, "DSN: %s\n\n", d.Redacted())
	if d.Host != "" {
		b.WriteString(Box("POOLER IDENTITY", identity(d, r.judged.Valid())) + "\n")
	}
	b.WriteString(r.lines() + "\n" + r.ending())
	return b.String()
}

// ending is the result and what stands below it.
func (r ProbeReport) ending() string {
	result := "PASS"
	switch r.ExitCode {
	case exit.OK:
	case exit.Lockout:
		result = "FAIL (LOCKOUT DETECTED)"
	default:
		result = fmt.Sprintf("FAIL (%s)", strings.ToUpper(cmp.Or(r.Reason, noVerdict)))
	}
	return Result(result, r.action) + Below(r.page, r.note)
}

// lines are the marks: identity, connection, query.
func (r ProbeReport) lines() string {
	if first := r.judged.First(); first != nil {
		return fmt.Sprintf("❌ IDENTITY: %s\n   Error: %s\n", r.judged.Code, first.Message)
	}
	valid := "✅ IDENTITY: VALID\n"
	switch {
	case r.QueryOK:
		return valid + fmt.Sprintf("✅ CONNECTION: SUCCESS (latency: %dms)\n✅ QUERY: SELECT 1 returned 1\n", r.Login.LatencyMS)
	case r.refused:
		expires := ""
		if r.Window.RetryInSeconds > 0 {
			expires = "   Until " + r.Window.RetryAt.Format("15:04:05 UTC") + ".\n"
		}
		return valid + fmt.Sprintf("❌ CONNECTION: NOT TRIED\n   %s\n%s", r.Login.Message, expires)
	}
	failed := fmt.Sprintf("❌ CONNECTION: FAILED\n   Error: %s (%s)\n", r.Login.Message, where(r.Reason, r.Login.Step))
	if r.meaning != "" {
		failed += Indented(r.meaning)
	}
	return valid + failed
}

// noVerdict stands in place of a reason when the probe was broken off on this side.
const noVerdict = "no verdict"

// where is a reason and how far the probe came, if it came anywhere and the reason
// does not say it already.
func where(reason, step string) string {
	reason = cmp.Or(reason, noVerdict)
	if step == "" || step == reason {
		return reason
	}
	return reason + " at " + step
}

// identity is who logs in where. The user is shown whole only with a ref behind
// it, as the seed does; a word without one could be anything.
func identity(d dsn.DSN, valid bool) []Row {
	user, region := d.RedactedUser(), "-"
	if d.User != d.UserBase {
		user = d.User
	}
	if d.Mode == dsn.ModeShared {
		region, _, _ = strings.Cut(d.Host, ".") // with its cluster, aws-0-us-east-1
	}
	return []Row{
		{"Mode", place(d.Mode, valid)}, {"Host", d.Host}, {"Port", fmt.Sprint(d.Port)},
		{"User", user}, {"Project Ref", orDash(d.ProjectRef)}, {"Region", region},
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
