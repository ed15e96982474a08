package report

import (
	"cmp"
	"fmt"
	"strings"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// VerifyReport is the way to the database step by step (docs/commands.md#verify).
// The steps after one that failed are skipped. Use [NewVerifyReport].
type VerifyReport struct {
	Result   string `json:"result"` // PASS or FAIL
	Reason   string `json:"reason"`
	ExitCode int    `json:"exit_code"`
	Steps    []Step `json:"steps"`
	Found    string `json:"found"` // the host that knows the tenant, if it was looked for

	judged  dsn.Report
	env     dsn.Env
	action  string
	meaning string // what a lockout means; "" for everything else
	page    string // of the runbook
	support string
	notes   []string
}

// Step is one part of the way, or one host that was asked.
type Step struct {
	Name    string      `json:"name"`
	Status  CheckStatus `json:"status"` // pass, fail or skip
	Message string      `json:"message"`
	Hint    string      `json:"hint"`
}

// Trace is how far one probe came: the prober's own, told to a report.
type Trace struct {
	Addresses []string // of the host
	Address   string   // the last one with a connection
	TLS       string   // the version; empty: not encrypted
	Names     []string // of the server's certificate
	Chain     []string // the certificate's subject, and the issuers above it
	Routed    bool     // the server went on after the startup message
}

// way are the steps in their order, each with its title.
var way = []struct{ name, title string }{
	{"dsn", "DSN FORMAT"}, {"identity", "ENVIRONMENT AND REF"}, {"dns", "DNS"}, {"tcp", "TCP"}, {"tls", "TLS"},
	{"routing", "TENANT ROUTING"}, {"login", "LOGIN"}, {"query", "SELECT 1"},
}

// NewVerifyReport returns a report on a DSN for which nothing was dialled yet.
func NewVerifyReport(judged dsn.Report, env dsn.Env) VerifyReport {
	r := VerifyReport{Result: "FAIL", ExitCode: exit.Failure, judged: judged, env: env}
	for _, warning := range judged.Findings {
		if warning.Severity == dsn.Warning {
			r.notes = append(r.notes, warning.Message)
		}
	}
	return r
}

// Took fills in what one connection came to.
func (r *VerifyReport) Took(o machine.Outcome, t Trace) {
	words := wordsOn(o, r.judged)
	r.Reason, r.page = string(o.Reason), words.Page()
	switch o.Reason {
	case machine.ReasonOK:
		r.Result, r.ExitCode, r.page = "PASS", exit.OK, ""
	case machine.ReasonLockout:
		r.ExitCode, r.meaning = exit.Lockout, words.Meaning()
	case machine.ReasonTenantNotFound:
		r.support = r.forSupport(r.judged.DSN.Host, o)
	}
	end, message := stop(o, t), o.Message
	if end == "tls" && len(t.Chain) > 0 {
		message += "; " + certificate(t)
	}
	r.walk(end, Fail, message, remedy(words), o, t)
}

// Refused fills in why nothing is dialled.
func (r *VerifyReport) Refused(s Standing) {
	r.Reason, r.ExitCode, r.page = s.Reason, s.ExitCode, s.page()
	switch {
	case s.State != machine.Misconfigured:
		r.walk("dns", Skip, s.Message, s.Advice, machine.Outcome{}, Trace{})
	case s.Reason == string(machine.ReasonInvalidDSN):
		r.walk("dsn", Fail, s.Message, s.Advice, machine.Outcome{}, Trace{})
	default:
		r.walk("identity", Fail, s.Message, s.Advice, machine.Outcome{}, Trace{})
	}
}

// Note adds a line below the result.
func (r *VerifyReport) Note(text string) { r.notes = append(r.notes, text) }

// walk fills in the steps: passed up to the one where it ends, and skipped after
// it. Without an end all are passed.
func (r *VerifyReport) walk(end string, status CheckStatus, message, hint string, o machine.Outcome, t Trace) {
	ended := false
	for _, at := range way {
		step := Step{Name: at.name, Status: Skip}
		switch {
		case ended:
		case at.name == end:
			step.Status, step.Message, step.Hint = status, message, hint
			ended, r.action = true, hint
		default:
			step.Status, step.Message = r.passed(at.name, o, t)
		}
		r.Steps = append(r.Steps, step)
	}
}

// stop names the step at which a probe ended, "" when it came through. Settings
// that cannot be used, such as a missing sslrootcert file, are the DSN's.
func stop(o machine.Outcome, t Trace) string {
	switch {
	case o.Reason == machine.ReasonOK:
		return ""
	case o.Step == machine.StepQuery:
		return "query"
	case o.Step == machine.StepTLS, o.Reason == machine.ReasonTLS:
		return "tls"
	case o.Step == machine.StepStartup && (routed(o, t) || refusedLater(o)):
		return "login"
	case o.Step == machine.StepStartup:
		return "routing"
	case o.Step == machine.StepDial && len(t.Addresses) > 0:
		return "tcp"
	case o.Step == machine.StepDial:
		return "dns"
	}
	return "dsn"
}

// onward says what it means that the server went on to the login: Supavisor looks up
// the tenant before, PgBouncer and PostgreSQL ask for a password in any case.
func onward(mode dsn.Mode) string {
	switch mode {
	case dsn.ModeShared:
		return "the pooler knows the project and went on to the login"
	case dsn.ModeDirect:
		return "PostgreSQL went on to the login (it does so for unknown users too)"
	}
	return "the pooler went on to the login (PgBouncer does so for unknown users too)"
}

// routed reports whether the pooler went on. Its breaker of wrong
// passwords is asked after the tenant is found (docs/facts.md#supavisor-order).
func routed(o machine.Outcome, t Trace) bool {
	return t.Routed || o.Trigger == machine.TriggerCircuitBreaker
}

// refusedLater reports whether a refusal before the password is about something
// else than the tenant. It does not prove that the tenant is known.
func refusedLater(o machine.Outcome) bool {
	return o.SQLState != "" && o.Reason != machine.ReasonTenantNotFound
}

// passed says what a step found that did not stop the probe.
func (r *VerifyReport) passed(step string, o machine.Outcome, t Trace) (CheckStatus, string) {
	d := r.judged.DSN
	switch step {
	case "dsn":
		return Pass, fmt.Sprintf("mode %s, port %d, password %s", place(d.Mode, r.judged.Valid()), d.Port, d.Encoding)
	case "identity":
		return Pass, fmt.Sprintf("%s, project ref %s", r.env, orDash(d.ProjectRef))
	case "dns":
		return Pass, fmt.Sprintf("%s is %s", d.Host, strings.Join(t.Addresses, ", "))
	case "tcp":
		return Pass, "connected to " + t.Address
	case "tls":
		return secured(d.SSLMode, t)
	case "routing":
		if !routed(o, t) {
			return Skip, "not decided: refused before the password was asked for"
		}
		return Pass, onward(d.Mode)
	case "login":
		return Pass, "accepted"
	}
	return Pass, fmt.Sprintf("returned 1 (all steps: %dms)", o.Latency.Milliseconds())
}

// secured says how the connection is encrypted, and who the server said it is
// where that was asked.
func secured(sslmode string, t Trace) (CheckStatus, string) {
	switch {
	case t.TLS == "":
		return Skip, "not encrypted, sslmode=" + sslmode
	case !strings.HasPrefix(sslmode, "verify-"):
		return Pass, fmt.Sprintf("%s; sslmode=%s does not look at the certificate", t.TLS, sslmode)
	}
	return Pass, t.TLS + "; " + certificate(t)
}

// certificate is the one that the server showed, and the chain above it.
func certificate(t Trace) string {
	return fmt.Sprintf("certificate for %s; chain: %s", orDash(strings.Join(t.Names, ", ")), strings.Join(t.Chain, ", signed by "))
}

// Text is the report for people.
func (r VerifyReport) Text() string {
	var b strings.Builder
	b.WriteString(Banner("VERIFY POOLER") + "\n")
	fmt.Fprintf(&b, "DSN: %s\n\n", r.judged.DSN.Redacted())
	for _, step := range r.Steps {
		fmt.Fprintf(&b, "%s %s", marks[step.Status], title(step.Name))
		if step.Message != "" {
			b.WriteString(": " + step.Message)
		}
		b.WriteString("\n")
		if step.Status == Fail && r.meaning != "" {
			b.WriteString(Indented(r.meaning))
		}
	}
	action := r.action
	switch b.WriteString("\n"); r.ExitCode {
	case exit.OK:
		b.WriteString(Result("PASS", action))
	case exit.Lockout:
		b.WriteString(Result("FAIL (LOCKOUT DETECTED)", action))
	default:
		b.WriteString(Result(fmt.Sprintf("FAIL (%s)", strings.ToUpper(cmp.Or(r.Reason, noVerdict))), action))
	}
	return b.String() + Below(r.page, r.notes...) + r.support
}

// title is how people read a step; a host stands for itself.
func title(name string) string {
	for _, at := range way {
		if at.name == name {
			return at.title
		}
	}
	return name
}
