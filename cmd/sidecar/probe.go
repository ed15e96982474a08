package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
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
	if !report.refused(ctx, db, c, std, force) {
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

// refused fills in why nothing is dialled, if so: a fault of the DSN, a window,
// or a password that a db.* host has rejected once already.
func (r *probeReport) refused(ctx context.Context, db database, c config, std streams, force bool) bool {
	if fault := db.target.Fault; fault != "" {
		r.Reason, r.Advice = string(fault), supervisor.Guidance(fault)
		if first := firstError(db.report); first != nil {
			r.Login.Message, r.Advice = first.Message, first.Hint
		}
		return true
	}
	if force {
		fmt.Fprintln(std.err, "sidecar: warning: --force: inside a lockout window this login prolongs the lockout for everybody")
		return false
	}
	answer := known(ctx, db, c, std)
	if answer == nil {
		return false
	}
	switch supervisor.State(answer.State) {
	case supervisor.Lockout: // also while the trial after it is out: two logins are not one trial
		r.ExitCode, r.Advice = exitLockout, supervisor.Guidance(supervisor.ReasonLockout)
	case supervisor.Rejected:
		if !db.target.DBHost || answer.Reason != string(supervisor.ReasonAuthFailed) {
			fmt.Fprintf(std.err, "sidecar: warning: the sidecar's last login was refused (%s): %s\n", answer.Reason, answer.Message)
			return false
		}
		r.Advice = "Correct DATABASE_URL first: at this host the second wrong password bans the address for 30 minutes; --force dials all the same."
	default:
		return false
	}
	r.Reason, r.Trigger, r.Login.Message = answer.Reason, answer.Trigger, answer.Message
	r.Window = probeWindow{answer.RetryAt, answer.RetryInSeconds, "sidecar"}
	return true
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
	outcome := db.prober.Probe(ctx, permit)
	return machine.Settle(time.Now(), permit, outcome).Outcome
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

// known is what the running sidecar says of this very DSN; nil when there is
// none, or it speaks for another, which is said.
func known(ctx context.Context, db database, c config, std streams) *health.Readiness {
	address := &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", c.Port)}
	if c.SidecarURL != "" {
		address, _ = url.Parse(c.SidecarURL) // checked by loadConfig
	}
	answer, err := health.Client{URL: address.String()}.Readiness(ctx)
	switch {
	case err != nil:
		fmt.Fprintf(std.err, "sidecar: warning: no sidecar answers at %s, so no lockout window is known; dialling\n", address.Redacted())
		return nil
	case answer.Key != db.target.Key:
		fmt.Fprintf(std.err, "sidecar: warning: the sidecar at %s speaks for another database, so no lockout window is known; dialling\n", address.Redacted())
		return nil
	}
	return &answer
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
		if r.Window.RetryInSeconds > 0 {
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
