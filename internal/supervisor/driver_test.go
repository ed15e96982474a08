package supervisor

import (
	"bytes"
	"context"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dragonfly.internal/sidecar/internal/advice"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// script is a prober whose outcomes are given; the last one repeats.
type script []machine.Outcome

// hang is the message of an outcome that does not come before the process ends.
const hang = "hang"

func (s *script) Probe(ctx context.Context, permit machine.Permit) machine.Outcome {
	if !permit.Spend() {
		panic("a probe without a permit")
	}
	outcome := (*s)[0]
	outcome.Knocked, outcome.Dialled = true, time.Now()
	if outcome.Message == hang {
		<-ctx.Done()
		return machine.Outcome{Knocked: true, Dialled: outcome.Dialled}
	}
	if len(*s) > 1 {
		*s = (*s)[1:]
	}
	return outcome
}

// drive runs a supervisor in a bubble for so long and returns it with the
// messages that it logged.
func drive(t *testing.T, target machine.Target, outcomes script, d time.Duration) (*Supervisor, []string) {
	t.Helper()
	var log bytes.Buffer
	policy := machine.DefaultPolicy()
	policy.ProbeTimeout = time.Hour // what hangs here hangs until the end
	s := New(policy, Subject{Target: target, Prober: &outcomes}, nil, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key != slog.MessageKey {
				return slog.Attr{}
			}
			return a
		},
	})))
	runFor(t, s, d)
	var lines []string
	for line := range strings.Lines(log.String()) {
		lines = append(lines, strings.Trim(strings.TrimPrefix(strings.TrimSpace(line), "msg="), `"`))
	}
	return s, lines
}

// runFor runs a supervisor in a bubble for so long, and ends it.
func runFor(t *testing.T, s *Supervisor, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	time.Sleep(d)
	synctest.Wait()
	cancel()
	<-done
}

// match compares log lines with patterns, one for one.
func match(t *testing.T, lines []string, patterns ...string) {
	t.Helper()
	for i, pattern := range patterns {
		if i >= len(lines) || !regexp.MustCompile("^"+pattern+"$").MatchString(lines[i]) {
			t.Errorf("line %d does not match %s", i+1, pattern)
		}
	}
	if len(lines) != len(patterns) || t.Failed() {
		t.Errorf("logged:\n%s", strings.Join(lines, "\n"))
	}
}

// TestLogLines: the seed's lines, at the changes and once a minute (docs/seed.md#log-lines).
func TestLogLines(t *testing.T) {
	lockout := machine.Outcome{Reason: machine.ReasonLockout, Trigger: machine.TriggerServerLoginRetry, Cause: "password authentication failed", Step: machine.StepQuery}
	synctest.Test(t, func(t *testing.T) {
		s, lines := drive(t, machine.Target{Key: "k"}, script{{Reason: machine.ReasonOK}, {Reason: machine.ReasonOK}, lockout}, 80*time.Second+3*time.Minute+time.Second)
		backoff := `\[DB Supervisor\] Lockout backoff: \d+s \(\d+m\) remaining\. No connection attempts until backoff expires\.`
		match(t, lines,
			`\[DB\] READY=true`,
			`\[DB\] READY=false reason=lockout next_retry_in=17s`,
			`\[DB\] READY=false reason=lockout next_retry_in=(9\d\d|1[01]\d\d|1200)s`,
			backoff, backoff, backoff, backoff)
		if n := s.Snapshot().Lockouts[machine.TriggerServerLoginRetry]; n != 1 || !s.Snapshot().Stopping {
			t.Errorf("%d windows, stopping %v", n, s.Snapshot().Stopping)
		}
		first, last := lines[3], lines[len(lines)-1]
		if first == last {
			t.Errorf("the remaining time does not fall: %q", last)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		_, lines := drive(t, machine.Target{Key: "k"}, script{{Reason: machine.ReasonAuthFailed}}, time.Minute+time.Second)
		hold := `\[DB Supervisor\] Hold: \d+s \(\d+m\) remaining after auth_failed\. A changed credential ends it\.`
		match(t, lines, `\[DB\] READY=false reason=auth_failed next_retry_in=\d+s`, hold, hold)
	})
	synctest.Test(t, func(t *testing.T) {
		_, lines := drive(t, machine.Target{Fault: machine.ReasonGuard}, script{{}}, 24*time.Hour)
		match(t, lines, `\[DB\] READY=false reason=guard`)
	})
	synctest.Test(t, func(t *testing.T) {
		_, lines := drive(t, machine.Target{Key: "k"}, script{lockout}, 21*time.Second)
		match(t, lines,
			`\[DB\] READY=false reason=lockout next_retry_in=17s`,
			`\[DB\] READY=false reason=lockout next_retry_in=\d{3,4}s`,
			`\[DB Supervisor\] Lockout backoff: .*`)
	})
}

// TestEndDuringTrial: a process that ends while the trial is out says what it said
// last; nothing of the broken-off login becomes a window or a failure.
func TestEndDuringTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		breaker := machine.Outcome{Reason: machine.ReasonLockout, Trigger: machine.TriggerCircuitBreaker}
		s, lines := drive(t, machine.Target{Key: "k"}, script{breaker, {Message: hang}}, 20*time.Minute+time.Second)
		last := s.Snapshot()
		if last.State != machine.Lockout || last.Lockouts[machine.TriggerCircuitBreaker] != 1 || last.WindowsInRow != 1 || last.Next.After(time.Now()) {
			t.Errorf("%+v", last.Status)
		}
		if total, failed := last.Total(); total != 1 || failed != 1 || last.Attempt.Reason != machine.ReasonLockout {
			t.Errorf("%d logins, %d failed, last attempt %q", total, failed, last.Attempt.Reason)
		}
		if n := strings.Count(strings.Join(lines, "\n"), "READY="); n != 1 {
			t.Errorf("%d verdicts in the log", n)
		}
	})
}

// TestSeconds: seconds are rounded up and minutes down, so that nobody who waits
// as long as the line says is early.
func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		15 * time.Minute: "900s (15m)", 872*time.Second + 1: "873s (14m)", 59 * time.Second: "59s", 0: "0s", -time.Second: "0s",
	} {
		if got := machine.Seconds(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}

// TestSituation: the words are about the present reason; what an attempt found that
// led to another one does not get into them.
func TestSituation(t *testing.T) {
	now := time.Date(2026, 1, 18, 14, 50, 0, 0, time.UTC)
	s := Snapshot{
		Status:  machine.Status{State: machine.Retrying, Reason: machine.ReasonTimeout, Next: now.Add(2 * time.Second)},
		Target:  machine.Target{DBHost: true},
		Attempt: machine.Attempt{At: now, Outcome: machine.Outcome{Reason: machine.ReasonTimeout, Step: machine.StepQuery, Detail: machine.DetailDNSFailed}},
	}
	if got := s.Situation(now); got.Step != machine.StepQuery || got.Detail != machine.DetailDNSFailed || got.Host != advice.DB || got.EverReady {
		t.Errorf("%+v", got)
	}
	s.Reason, s.LastSuccess = machine.ReasonUnavailable, now
	if got := s.Situation(now); got.Step != "" || got.Detail != "" || !got.EverReady {
		t.Errorf("%+v", got)
	}
	if s.Message(now) == "" || !strings.Contains(s.Advice(now), "14:50:02 UTC") || s.Remaining(now) != 2*time.Second {
		t.Errorf("%s / %s", s.Message(now), s.Advice(now))
	}
}
