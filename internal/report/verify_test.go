package report

import (
	"encoding/json"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

const sharedDSN = "postgresql://postgres.ejiddanxtqcleyswqvkc:pass-word-1@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=verify-full"

var (
	at    = time.Date(2026, 1, 18, 15, 4, 5, 0, time.UTC)
	asked = Trace{
		Addresses: []string{"192.0.2.1", "192.0.2.2"}, Address: "192.0.2.1:6543", TLS: "TLS 1.3",
		Names: []string{"*.pooler.supabase.com"}, Chain: []string{"CN=*.pooler.supabase.com", "CN=Supabase Root 2021 CA"},
	}
	through  = machine.Outcome{Reason: machine.ReasonOK, Latency: 45 * time.Millisecond, Dialled: at}
	noTenant = machine.Outcome{
		Reason: machine.ReasonTenantNotFound, Step: machine.StepStartup, SQLState: "XX000",
		Message: "(ENOTFOUND) tenant/user postgres.ejiddanxtqcleyswqvkc not found", Dialled: at,
	}
)

func verifyReport(t *testing.T, raw string) VerifyReport {
	t.Helper()
	return NewVerifyReport(dsn.Judge(raw, dsn.Rules{Env: dsn.Dev}, at), dsn.Dev)
}

// TestVerifyReports: the exact words of a report, for people and as JSON.
func TestVerifyReports(t *testing.T) {
	routed := asked
	routed.Routed = true
	elsewhere := func(host string, o machine.Outcome) Knock {
		d := dsn.Judge(sharedDSN, dsn.Rules{Env: dsn.Dev}, at).DSN
		d.Host = host
		return Knock{d, o}
	}
	const here, there, silent = "aws-0-us-east-1.pooler.supabase.com", "aws-1-eu-west-1.pooler.supabase.com", "aws-1-sa-east-1.pooler.supabase.com"
	away := machine.Outcome{Reason: machine.ReasonNetwork, Step: machine.StepDial, Message: "lookup " + silent + ": no such host"}
	for name, fill := range map[string]func(*VerifyReport){
		"pass":   func(r *VerifyReport) { r.Took(through, routed) },
		"tenant": func(r *VerifyReport) { r.Took(noTenant, asked) },
		"window": func(r *VerifyReport) {
			until := at.Add(873 * time.Second)
			r.Refused(Standing{
				State: machine.Lockout, Blocks: true, ExitCode: exit.Lockout, Reason: "lockout",
				Message: "Lockout backoff: 873s (14m) remaining. No connection attempts until backoff expires.",
				Advice:  "Wait until 15:18:38 UTC. Do NOT restart services.", Window: Window{&until, 873, "sidecar"},
			})
		},
		"found": func(r *VerifyReport) {
			r.Searched([]Knock{elsewhere(here, noTenant), elsewhere(there, machine.Outcome{Reason: machine.ReasonOK}), elsewhere(silent, away)})
		},
		"nowhere": func(r *VerifyReport) {
			r.Searched([]Knock{elsewhere(here, noTenant), elsewhere(silent, away)})
		},
	} {
		r := verifyReport(t, sharedDSN)
		fill(&r)
		encoded, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "testdata/verify/"+name+".txt", r.Text()+string(encoded)+"\n")
	}
}

// TestVerifyStops: the step at which each kind of failure ends the way, and its
// exit code.
func TestVerifyStops(t *testing.T) {
	unresolved, refused, plain, routed := Trace{}, asked, asked, asked
	refused.Address, refused.TLS, plain.TLS, routed.Routed = "", "", "", true
	for _, c := range []struct {
		reason  machine.Reason
		trigger machine.Trigger
		step    machine.Step
		state   string
		trace   Trace
		want    string
		code    int
	}{
		{machine.ReasonConfigRejected, "", "", "", unresolved, "dsn", 1},
		{machine.ReasonNetwork, "", machine.StepDial, "", unresolved, "dns", 1},
		{machine.ReasonNetwork, "", machine.StepDial, "", refused, "tcp", 1},
		{machine.ReasonTimeout, "", machine.StepTLS, "", plain, "tls", 1},
		{machine.ReasonTLS, "", machine.StepTLS, "", plain, "tls", 1},
		{machine.ReasonTLS, "", machine.StepStartup, "08P01", plain, "tls", 1}, // SSL required
		{machine.ReasonTenantNotFound, "", machine.StepStartup, "XX000", asked, "routing", 1},
		{machine.ReasonTimeout, "", machine.StepStartup, "", asked, "routing", 1},
		{machine.ReasonUnknown, "", machine.StepStartup, "XX000", asked, "login", 1},
		{machine.ReasonUnavailable, "", machine.StepStartup, "57P03", asked, "login", 1},
		{machine.ReasonLockout, machine.TriggerCircuitBreaker, machine.StepStartup, "XX000", asked, "login", 78},
		{machine.ReasonAuthFailed, "", machine.StepStartup, "28P01", routed, "login", 1},
		{machine.ReasonTimeout, "", machine.StepStartup, "", routed, "login", 1},
		{machine.ReasonLockout, machine.TriggerServerLoginRetry, machine.StepQuery, "08P01", routed, "query", 78},
	} {
		r := verifyReport(t, sharedDSN)
		r.Took(machine.Outcome{Reason: c.reason, Trigger: c.trigger, Step: c.step, SQLState: c.state, Message: "words"}, c.trace)
		var failed []string
		for i, step := range r.Steps {
			if step.Status == Fail {
				failed = append(failed, step.Name)
			}
			if len(failed) == 1 && step.Status != Fail && (step.Status != Skip || step.Message != "") {
				t.Errorf("step %d after the failure: %+v", i, step)
			}
		}
		if len(failed) != 1 || failed[0] != c.want || r.ExitCode != c.code || r.Reason != string(c.reason) || r.Result != "FAIL" {
			t.Errorf("%s at %q failed at %v, code %d; want %s, %d", c.reason, c.step, failed, r.ExitCode, c.want, c.code)
		}
	}
}

// TestVerifyGuard: a DSN that is not dialled fails at its format or its identity.
func TestVerifyGuard(t *testing.T) {
	for raw, want := range map[string]string{
		"postgresql://app:12/34@127.0.0.1:6543/appdb":                                                              "dsn",
		"postgresql://postgres:pw@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require":               "identity",
		"postgresql://postgres.iaketsyhmqbwaabgykux:pw@aws-0-us-east-1.pooler.supabase.com:6543/p?sslmode=require": "identity",
	} {
		r := verifyReport(t, raw)
		r.Refused(Judge(r.judged, machine.Reason(r.judged.Misconfigured())))
		for _, step := range r.Steps {
			if (step.Status == Fail) != (step.Name == want) || step.Name == want && step.Hint == "" {
				t.Errorf("%s: %+v", r.judged.Code, step)
			}
		}
	}
}
