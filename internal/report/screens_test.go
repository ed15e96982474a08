package report

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dragonfly.internal/sidecar/internal/advice"
	"dragonfly.internal/sidecar/internal/advice/scenes"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

var update = flag.Bool("update", false, "write the files under testdata")

// golden compares a text with a file, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s; write it anew with -update, and read it:\n%s", file, diff)
	}
}

// judgedAt is a good DSN of each kind of host.
func judgedAt(host advice.Host) dsn.Report {
	raw := "postgresql://app:pass-word-1@127.0.0.1:6543/appdb"
	switch host {
	case advice.Shared:
		raw = sharedDSN
	case advice.DB:
		raw = "postgresql://postgres:pass-word-1@db.ejiddanxtqcleyswqvkc.supabase.co:6543/postgres?sslmode=require"
	}
	return dsn.Judge(raw, dsn.Rules{Env: dsn.Dev}, scenes.Now)
}

// refused is the last attempt of a scene.
func refused(s scenes.Scene) machine.Outcome {
	o := machine.Outcome{
		Reason: s.Reason, Trigger: s.Trigger, Cause: s.Cause, Detail: s.Detail, Step: s.Step,
		Message: "the refusal in the server's words", Dialled: scenes.Now.Add(-time.Second),
	}
	switch {
	case o.Step != "":
	case o.Reason == machine.ReasonTLS:
		o.Step = machine.StepTLS
	case o.Reason == machine.ReasonNetwork:
		o.Step = machine.StepDial
	default:
		o.Step = machine.StepStartup
	}
	return o
}

// seen is a scene on all the screens that show it, by their names.
type seen struct {
	scenes.Scene
	screens map[string]string
}

// everything is every scene on every screen, drawn once.
var everything = sync.OnceValue(func() (all []seen) {
	judged := make(map[advice.Host]dsn.Report)
	for _, host := range []advice.Host{advice.Own, advice.Shared, advice.DB} {
		judged[host] = judgedAt(host)
	}
	for _, s := range scenes.All() {
		all = append(all, seen{s, screens(s, judged[s.Host])})
	}
	return all
})

// screens are all the screens on which a scene can be seen, by name.
func screens(s scenes.Scene, judged dsn.Report) map[string]string {
	o := refused(s)
	if s.Once {
		probe, verify, gate := NewProbeReport(judged), NewVerifyReport(judged, dsn.Dev), NewReport("x", dsn.Dev, judged)
		probe.Took(o)
		probe.Note(EchoNote(o, false, false))
		verify.Took(o, Trace{Addresses: []string{"192.0.2.1"}, Address: "192.0.2.1:6543", Routed: s.Reason != machine.ReasonTenantNotFound})
		verify.Note(EchoNote(o, false, false))
		gate.Lockout(Standing{}, "", false)
		gate.Took(o)
		gate.Note(EchoNote(o, false, false))
		return map[string]string{"probe": probe.Text(), "verify": verify.Text(), "gate": gate.Text()}
	}
	status := health.Status{
		Ready: s.Ready(), State: string(s.State), Reason: string(s.Reason), Trigger: string(s.Trigger), Cause: s.Cause,
		Since: scenes.Now.Add(-130 * time.Second), RetryInSeconds: machine.CeilSeconds(s.Remaining()), WindowsInRow: s.WindowsInRow,
		Message: s.Message(), Advice: s.Text(), Runbook: s.Page(), DSN: health.DSN(judged.DSN), Guard: health.StatusGuard{Env: dsn.Dev, OK: s.Barred == ""},
		Waiver: health.StatusWaiver{Status: dsn.WaiverNone}, Store: health.Store{Kind: "file", Healthy: true},
	}
	if !s.Ready() && s.State != machine.Misconfigured {
		status.LastAttempt = &health.LastAttempt{At: scenes.Now.Add(-time.Second), Reason: string(o.Reason), Step: string(o.Step), Message: o.Message}
	}
	answer := health.Readiness{State: status.State, Reason: status.Reason, Trigger: status.Trigger, Message: status.Message, RetryInSeconds: status.RetryInSeconds}
	if retry := s.RetryTime(); !retry.IsZero() {
		status.RetryAt, answer.RetryAt = &retry, &retry
	}
	shown := map[string]string{"status": StatusText(status, scenes.Now)}
	known := Heard(answer, s.Host == advice.DB, "sidecar")
	known.LastRefusal = "the sidecar's last login, at 14:59:59 UTC, was refused: the refusal in the server's words"
	noConnect := NewReport("x", dsn.Dev, judged)
	noConnect.Lockout(known, "", true)
	shown["gate --no-connect"] = noConnect.Text()
	if known.Blocks {
		probe, verify, gate := NewProbeReport(judged), NewVerifyReport(judged, dsn.Dev), NewReport("x", dsn.Dev, judged)
		probe.Refused(known)
		verify.Refused(known)
		gate.Lockout(known, "", false)
		shown["probe"], shown["verify"], shown["gate"] = probe.Text(), verify.Text(), gate.Text()
	}
	return shown
}

// framed are the lines that are the same in every situation.
var framed = regexp.MustCompile(`(?m)^[╔║╚┌│├└].*\n+|^DSN: .*\n+|^✅ (?:dsn|password encoding|identity|tls|waiver|DSN FORMAT|ENVIRONMENT AND REF|IDENTITY): .*\n`)

// TestScreens: what an operator sees in the situations that matter most, to the
// letter.
func TestScreens(t *testing.T) {
	var b strings.Builder
	for _, s := range everything() {
		name, host, _ := strings.Cut(s.Name, " on ")
		telling := host == "own pooler" && slices.Contains([]string{
			"lockout, server_login_retry", "lockout, server_login_retry, window 2", "lockout, server_login_retry, may be an old one",
			"asked once: lockout, server_login_retry", "lockout, query_wait_timeout", "asked once: timeout at query", "timeout at query",
			"asked once: tls, tls_unknown_authority", "asked once: tls, tls_refused", "asked once: network, connection_refused",
			"asked once: network, dns_no_such_host", "auth_failed, answered before", "asked once: auth_failed",
		}, name) || host == "db" && slices.Contains([]string{"lockout, network_ban", "auth_failed"}, name) ||
			host == "shared" && slices.Contains([]string{"lockout, circuit_breaker, window 2", "asked once: tenant_not_found", "store_lost", "ok, the next start refused by waiver_expired"}, name)
		if !telling {
			continue
		}
		shown := s.screens
		for _, screen := range []string{"status", "probe", "gate", "gate --no-connect", "verify"} {
			if text, ok := shown[screen]; ok {
				fmt.Fprintf(&b, "######## %s: %s\n%s\n", s.Name, screen, framed.ReplaceAllString(text, ""))
			}
		}
	}
	golden(t, "testdata/screens.txt", b.String())
}

var (
	clocks  = regexp.MustCompile(`(?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d:\d\d) UTC`)
	lengths = regexp.MustCompile(`(\d+)s \((\d+)m\)|\bin (?:(\d+)m)?(\d+)s\b|\b(\d+)s remaining`)
)

// TestOneTimeAScreen: nobody reads two different times on one screen. Every clock
// time that lies ahead is the same, every length in digits is the time until then,
// and "15+ minutes" stands only where no end is known.
func TestOneTimeAScreen(t *testing.T) {
	for _, s := range everything() {
		for screen, text := range s.screens {
			found := false
			for _, match := range clocks.FindAllStringSubmatch(text, -1) {
				at, err := time.Parse("2006-01-02 15:04:05", scenes.Now.Format("2006-01-02 ")+match[2])
				if err != nil {
					t.Fatal(err)
				}
				if !at.After(scenes.Now) {
					continue
				}
				if found = true; !at.Equal(s.RetryTime()) {
					t.Errorf("%s, %s: %s beside %s\n%s", s.Name, screen, match[0], s.RetryTime(), text)
				}
			}
			for _, match := range lengths.FindAllString(text, -1) {
				if d := span(t, match); d.Truncate(time.Minute) != s.Remaining().Truncate(time.Minute) {
					t.Errorf("%s, %s: %s beside %s\n%s", s.Name, screen, match, s.Remaining(), text)
				}
			}
			if unknown := strings.Contains(text, "15+ minutes"); unknown && (found || !s.Once) || !unknown && s.Once && s.Reason == machine.ReasonLockout {
				t.Errorf("%s, %s: 15+ minutes: %v\n%s", s.Name, screen, unknown, text)
			}
		}
	}
}

// span reads "873s (14m)", "in 14m33s", "in 42s" and "8s remaining".
func span(t *testing.T, text string) time.Duration {
	t.Helper()
	text, _, _ = strings.Cut(strings.TrimSuffix(strings.TrimPrefix(text, "in "), " remaining"), " (")
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestNoScreenIsWide: advice is wrapped; what others said, and the one line of a
// step, stand as they are.
func TestNoScreenIsWide(t *testing.T) {
	const most = 120
	for _, s := range everything() {
		for screen, text := range s.screens {
			for line := range strings.Lines(text) {
				if n := len([]rune(line)); n > most {
					t.Errorf("%s, %s: %d characters: %s", s.Name, screen, n, line)
				}
			}
		}
	}
}
