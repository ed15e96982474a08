package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// CheckStatus is what one check of the gate came to.
type CheckStatus string

// The statuses.
const (
	Pass CheckStatus = "pass"
	Warn CheckStatus = "warn"
	Fail CheckStatus = "fail"
	Skip CheckStatus = "skip"
)

// Check is one line of the gate.
type Check struct {
	Name    string      `json:"name"`
	Status  CheckStatus `json:"status"`
	Message string      `json:"message"`
	Remedy  string      `json:"remedy"`
}

// Report is the gate's verdict (docs/commands.md#gate): a deploy may go on, or not.
type Report struct {
	Result   string  `json:"result"` // PASS or FAIL
	ExitCode int     `json:"exit_code"`
	Checks   []Check `json:"checks"`

	env    dsn.Env
	judged dsn.Report
	action string // what to do; "" where the remedies say it
	page   string // of the runbook
	note   string
	inside bool // a window is known, and nothing is dialled
}

// byCheck says which findings of the guard belong to which check, in the order
// in which they are shown.
var byCheck = []struct {
	name  string
	good  string
	codes []dsn.Code
}{
	{"dsn", "it can be read", []dsn.Code{dsn.ParseError, dsn.MultipleHosts, dsn.QueryOverridesAuthority,
		dsn.DatabaseMissing, dsn.ParameterTranslated, dsn.ParameterDropped}},
	{"password_encoding", "the password needs no encoding, or has it", []dsn.Code{dsn.PasswordPlaceholder, dsn.PasswordNeedsEncoding, dsn.PasswordMissing}},
	{"identity", "host, port and project are this environment's", []dsn.Code{dsn.InvalidPoolerMode, dsn.ProdDSNInDev,
		dsn.SharedUserMissingRef, dsn.DedicatedUserHasRef, dsn.DedicatedHostRefMismatch, dsn.ProjectRefMismatch,
		dsn.WrongPort, dsn.DirectConnectionForbidden}},
	{"tls", "", []dsn.Code{dsn.MissingSSLMode, dsn.SSLRootCertUnreadable}},
	{"waiver", "none is asked for", []dsn.Code{dsn.WaiverInvalid, dsn.WaiverExpired}},
}

// NewReport judges what can be judged offline. raw tells a missing DSN from a bad
// one.
func NewReport(raw string, env dsn.Env, judged dsn.Report) *Report {
	r := &Report{env: env, judged: judged}
	if fault := judged.Misconfigured(); raw != "" && fault != "" {
		r.page = Standing{Reason: fault}.page()
	}
	unread := raw == ""
	for _, group := range byCheck {
		check := Check{group.name, Pass, group.good, ""}
		for _, f := range judged.Findings {
			if check.Status == Pass && slices.Contains(group.codes, f.Code) {
				check = Check{group.name, Fail, fmt.Sprintf("%s: %s", f.Code, f.Message), f.Hint}
				if f.Severity == dsn.Warning {
					check.Status = Warn
				}
			}
		}
		ambiguous := judged.Code == dsn.PasswordNeedsEncoding
		switch {
		case ambiguous && group.name == "dsn":
			check = Check{"dsn", Fail, "programs read it in different ways: the password is not encoded", "See password encoding."}
			unread = true
		case raw == "" && group.name == "dsn":
			check = Check{"dsn", Fail, "DATABASE_URL is not set", "Set it to the connection string of the pooler."}
		case group.name == "waiver" && check.Status == Pass && !unread:
			check = waiver(judged)
		case check.Status == Pass && unread:
			check = Check{group.name, Skip, "there is no DSN that can be read in one way", ""}
		case group.name == "dsn":
			unread = check.Status == Fail
		case group.name == "tls" && check.Status == Pass && judged.DSN.SSLMode == "disable":
			check.Message = "not encrypted; this host is exempt"
		case group.name == "tls" && check.Status == Pass:
			check.Message = "the DSN demands encryption, sslmode=" + judged.DSN.SSLMode
		}
		r.Add(check)
	}
	return r
}

// waiver judges one that the guard has nothing against.
func waiver(judged dsn.Report) Check {
	w := judged.Waiver
	switch {
	case w.Status == dsn.WaiverNone:
		return Check{"waiver", Pass, "none is asked for", ""}
	case judged.DSN.Mode != dsn.ModeDirect:
		return Check{"waiver", Warn, "a waiver for the direct connection is set, but the DSN goes to the pooler",
			"Remove DB_CONNECTION_MODE, SIDECAR_WAIVER_EXPIRES and SIDECAR_WAIVER_REASON."}
	case w.Status == dsn.WaiverExpiring:
		return Check{"waiver", Warn, fmt.Sprintf("the waiver for the direct connection ends in %d days, on %s", w.DaysRemaining, w.Expires.UTC().Format("2006-01-02")),
			"Fix the pooler, or extend SIDECAR_WAIVER_EXPIRES and say why in SIDECAR_WAIVER_REASON."}
	}
	return Check{"waiver", Pass, fmt.Sprintf("in force until %s: %s", w.Expires.UTC().Format("2006-01-02"), w.Reason), ""}
}

// Add appends a check and judges the whole anew.
func (r *Report) Add(c Check) {
	r.Checks = append(r.Checks, c)
	r.Result = "PASS"
	if r.Failed() {
		r.Result, r.ExitCode = "FAIL", max(r.ExitCode, exit.Failure)
	}
}

// Failed reports whether a check failed so far.
func (r *Report) Failed() bool {
	return slices.ContainsFunc(r.Checks, func(c Check) bool { return c.Status == Fail })
}

// Lockout adds what the running sidecar or the store says. note is what nobody
// could say. With noConnect a window or hold is a warning: the deploy may be the
// cure.
func (r *Report) Lockout(s Standing, note string, noConnect bool) {
	c := Check{"lockout", Pass, "the sidecar knows of no window", ""}
	switch {
	case s.State != "":
		c = Check{"lockout", Warn, s.Message, s.Advice}
		r.page = s.page()
		if s.State == machine.Rejected {
			c.Message = s.LastRefusal
		}
		if s.Blocks && !noConnect {
			c.Status, r.ExitCode, r.action = Fail, max(r.ExitCode, s.ExitCode), s.Advice
		}
		lost := s.Reason == string(machine.ReasonStoreLost) // which may have held a window
		if noConnect && (s.State == machine.Lockout || lost) {
			r.inside, r.action = true, strings.TrimSuffix(s.Advice, ".")+". "+onlyTheCure
		}
	case s.Doubted:
		c = Check{"lockout", Warn, "the sidecar met a lockout that may be an old one, and is looking again", ""}
	case note != "":
		c = Check{"lockout", Skip, note, ""}
	}
	r.Add(c)
}

// onlyTheCure is which deploy may go inside a window, and how.
const onlyTheCure = "Only a deploy that changes the credential may go, and only if the new sidecar keeps to the window: " +
	"SIDECAR_STATE on a volume, or SIDECAR_INHERIT_URL."

// Skipped adds a check that was not made.
func (r *Report) Skipped(name, why string) { r.Add(Check{name, Skip, why, ""}) }

// Note adds a line below the result.
func (r *Report) Note(text string) { r.note = text }

// Took adds the one probe.
func (r *Report) Took(o machine.Outcome) {
	if o.Reason == machine.ReasonOK {
		r.Add(Check{"probe", Pass, fmt.Sprintf("one login and SELECT 1, in %dms", o.Latency.Milliseconds()), ""})
		return
	}
	words := wordsOn(o, r.judged)
	r.page = words.Page()
	message := cmp.Or(string(o.Reason), noVerdict) + ": "
	c := Check{"probe", Fail, message + strings.TrimPrefix(o.Message, message), words.Text()}
	if o.Reason == machine.ReasonLockout {
		r.ExitCode, r.action, c.Remedy = exit.Lockout, words.Action(), words.Meaning()
	}
	r.Add(c)
}

// Strict makes every warning a failure.
func (r *Report) Strict() {
	checks := r.Checks
	r.Checks = nil
	for _, c := range checks {
		if c.Status == Warn {
			c.Status = Fail
		}
		r.Add(c)
	}
}

// warned counts the warnings that a go goes with.
func (r *Report) warned() string {
	n := 0
	for _, c := range r.Checks {
		if c.Status == Warn {
			n++
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return ", with 1 warning"
	}
	return fmt.Sprintf(", with %d warnings", n)
}

var marks = map[CheckStatus]string{Pass: "✅", Warn: "⚠️ ", Fail: "❌", Skip: "➖"}

// saidBelow reports whether a remedy is read further down as well: as the action, or
// after a hold for the one probe, which was refused for the same.
func (r *Report) saidBelow(c Check) bool {
	last := r.Checks[len(r.Checks)-1]
	return r.action != "" && strings.HasPrefix(r.action, c.Remedy) ||
		c.Name == "lockout" && last.Name == "probe" && last.Status == Fail
}

// Text is the report for people.
func (r *Report) Text() string {
	var b strings.Builder
	b.WriteString(Banner(fmt.Sprintf("GATE (%s)", r.env)) + "\n")
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "%s %s: %s\n", marks[c.Status], strings.ReplaceAll(c.Name, "_", " "), c.Message)
		if c.Remedy != "" && c.Status != Pass && !r.saidBelow(c) {
			b.WriteString(Indented(c.Remedy))
		}
	}
	result := "PASS: GO" + r.warned()
	switch {
	case r.ExitCode == exit.Lockout:
		result = "FAIL (LOCKOUT DETECTED): NO GO"
	case r.Failed():
		result = "FAIL: NO GO"
	case r.inside:
		result = "GO ONLY FOR A DEPLOY THAT CHANGES THE CREDENTIAL"
	}
	b.WriteString("\n" + Result(result, r.action) + Below(r.page, r.note))
	return b.String()
}
