package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/supervisor"
)

func newProbe(std streams) *cobra.Command {
	var asJSON, force bool
	command := &cobra.Command{
		Use:   "probe [DSN]",
		Short: "Check a DSN with one login and SELECT 1",
		Long: `Check a DSN with one login and SELECT 1.

The DSN is the argument, standard input with -, or DATABASE_URL. Inside a lockout
window that the sidecar knows of, nothing is dialled and the exit code is 78.`,
		Example: "  sidecar probe\n  sidecar probe --json\n  echo \"$DATABASE_URL\" | sidecar probe -",
		Args:    atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := loadConfig()
			if err != nil {
				return err
			}
			raw, err := dsnFrom(args, c, std)
			if err != nil {
				return err
			}
			if raw, err = withPassword(raw, c, std); err != nil {
				return err
			}
			return probeOnce(cmd.Context(), newDatabase(raw, c), c, std, asJSON, force)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	command.Flags().BoolVar(&force, "force", false, "dial even inside a known window; it prolongs the lockout")
	return command
}

// probeReport is the result of one probe (contract 1).
type probeReport struct {
	Result   string           `json:"result"`
	Reason   string           `json:"reason"`
	Trigger  string           `json:"trigger"`
	ExitCode int              `json:"exit_code"`
	DSN      health.StatusDSN `json:"dsn"`
	Login    probeLogin       `json:"login"`
	QueryOK  bool             `json:"query_ok"`
	Window   probeWindow      `json:"window"`
	Advice   string           `json:"advice"`
}

type probeLogin struct {
	OK        bool   `json:"ok"`
	Step      string `json:"step"`
	SQLState  string `json:"sqlstate"`
	Message   string `json:"message"`
	LatencyMS int64  `json:"latency_ms"`
}

type probeWindow struct {
	RetryAt        *time.Time `json:"retry_at"`
	RetryInSeconds int64      `json:"retry_in_seconds"`
	Source         string     `json:"source"`
}

// probeOnce judges the DSN, looks for a window, and only then logs in, once.
func probeOnce(ctx context.Context, db database, c config, std streams, asJSON, force bool) error {
	report := probeReport{Result: "FAIL", ExitCode: exitFailure, DSN: health.DSN(db.report.DSN), Window: probeWindow{Source: "none"}}
	fault := db.target.Fault
	var window *health.Readiness
	switch {
	case fault != "":
	case force:
		fmt.Fprintln(std.err, "sidecar: warning: --force: inside a lockout window this login prolongs the lockout for everybody")
	default:
		var err error
		if window, err = knownWindow(ctx, db, c, std); err != nil {
			return err
		}
	}
	switch {
	case fault != "":
		report.Reason, report.Advice = string(fault), supervisor.Guidance(fault)
		if first := firstError(db.report); first != nil {
			report.Login.Message, report.Advice = first.Message, first.Hint
		}
	case window != nil:
		report.Reason, report.Trigger, report.ExitCode = window.Reason, window.Trigger, exitLockout
		report.Login.Message, report.Advice = window.Message, supervisor.Guidance(supervisor.ReasonLockout)
		report.Window = probeWindow{window.RetryAt, window.RetryInSeconds, "sidecar"}
	default:
		outcome := login(ctx, db, c)
		if ctx.Err() != nil {
			return &failure{exitFailure, "interrupted", ""}
		}
		report.take(outcome)
	}
	if asJSON {
		printJSON(std.out, report)
	} else {
		fmt.Fprint(std.out, report.text(db.report))
	}
	return exitWith(report.ExitCode)
}

// login spends one permit on one login.
func login(ctx context.Context, db database, c config) supervisor.Outcome {
	machine := supervisor.NewMachine(c.policy(), db.target, rand.Float64, time.Now())
	permit, err := machine.Admit(time.Now())
	if err != nil {
		return supervisor.Outcome{Reason: db.target.Fault, Message: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, c.policy().ProbeTimeout)
	defer cancel()
	return db.prober.Probe(ctx, permit)
}

// take fills in what a login came to.
func (r *probeReport) take(o supervisor.Outcome) {
	r.Reason, r.Trigger = string(o.Reason), string(o.Trigger)
	r.QueryOK = o.Reason == supervisor.ReasonOK
	r.Login = probeLogin{
		OK:   r.QueryOK || o.Step == supervisor.StepQuery,
		Step: string(o.Step), SQLState: o.SQLState, Message: o.Message, LatencyMS: o.Latency.Milliseconds(),
	}
	r.Advice = supervisor.Guidance(o.Reason)
	switch o.Reason {
	case supervisor.ReasonOK:
		r.Result, r.ExitCode = "PASS", exitOK
	case supervisor.ReasonLockout:
		r.ExitCode = exitLockout
	}
}

// knownWindow asks the running sidecar whether this DSN is in a lockout window.
// No answer is no window, and is said. A hold is none either, but on a db.* host
// the second wrong password bans the address, so there it refuses.
func knownWindow(ctx context.Context, db database, c config, std streams) (*health.Readiness, error) {
	address := c.SidecarURL
	if address == "" {
		address = fmt.Sprintf("http://127.0.0.1:%d", c.Port)
	}
	answer, err := health.Client{URL: address}.Readiness(ctx)
	switch {
	case err != nil:
		fmt.Fprintf(std.err, "sidecar: warning: no sidecar answers at %s, so no lockout window is known; dialling\n", address)
	case answer.Key != db.target.Key || answer.RetryInSeconds == 0:
	case answer.State == string(supervisor.Lockout):
		return &answer, nil
	case answer.State == string(supervisor.Rejected):
		if db.target.DBHost && answer.Reason == string(supervisor.ReasonAuthFailed) {
			return nil, &failure{exitFailure, "the password was rejected at this host before, and the second wrong one bans the address for 30 minutes",
				"correct DATABASE_URL first; --force dials all the same"}
		}
		fmt.Fprintf(std.err, "sidecar: warning: the sidecar's last login was refused (%s); it asks again at %s\n",
			answer.Reason, answer.RetryAt.Format("15:04:05 UTC"))
	}
	return nil, nil
}

func firstError(report dsn.Report) *dsn.Finding {
	for _, f := range report.Findings {
		if f.Severity == dsn.Error {
			return &f
		}
	}
	return nil
}

// exitWith is an exit code whose reason has been printed already.
func exitWith(code int) error {
	if code == exitOK {
		return nil
	}
	return &failure{code: code}
}

const rule = "══════════════════════════════════════════════════════════════════════════════\n"

// text is the plain report with the RESULT lines of seed 4.3 and 4.4.
func (r probeReport) text(judged dsn.Report) string {
	var b strings.Builder
	if judged.DSN.Host != "" {
		fmt.Fprintf(&b, "DSN: %s\n\n", judged.DSN.Redacted())
	}
	switch first := firstError(judged); {
	case first != nil:
		fmt.Fprintf(&b, "❌ IDENTITY: %s\n   Error: %s\n", judged.Code, first.Message)
	case r.Window.Source == "sidecar":
		fmt.Fprintf(&b, "✅ IDENTITY: VALID\n❌ CONNECTION: NOT TRIED\n   %s\n", r.Login.Message)
		if r.Window.RetryAt != nil {
			fmt.Fprintf(&b, "   It expires at %s.\n", r.Window.RetryAt.Format("15:04:05 UTC"))
		}
	case r.QueryOK:
		fmt.Fprintf(&b, "✅ IDENTITY: VALID\n✅ CONNECTION: SUCCESS (latency: %dms)\n✅ QUERY: SELECT 1 returned 1\n", r.Login.LatencyMS)
	default:
		fmt.Fprintf(&b, "✅ IDENTITY: VALID\n❌ CONNECTION: FAILED\n   Error: %s (%s at %s)\n", r.Login.Message, r.Reason, r.Login.Step)
	}
	b.WriteString("\n" + rule)
	switch r.ExitCode {
	case exitOK:
		b.WriteString("  RESULT: PASS\n")
	case exitLockout:
		fmt.Fprintf(&b, "  RESULT: FAIL (LOCKOUT DETECTED)\n\n  ACTION: %s\n", r.Advice)
	default:
		fmt.Fprintf(&b, "  RESULT: FAIL (%s)\n\n  ACTION: %s\n", strings.ToUpper(r.Reason), r.Advice)
	}
	b.WriteString(rule)
	return b.String()
}
