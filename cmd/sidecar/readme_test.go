package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/advice"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/report"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestReadmeTranscript: the README's lockout is told in the words that come out:
// the body of /readyz has its fields, and status and probe print what it shows.
func TestReadmeTranscript(t *testing.T) {
	data, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(data)
	var ready health.Readiness
	body := regexp.MustCompile(`(?m)^\{"ready":false.*\}$`).FindString(readme)
	if err := json.Unmarshal([]byte(body), &ready); err != nil || ready.RetryAt == nil {
		t.Fatalf("%v: %s", err, body)
	}
	var printed bytes.Buffer
	if printJSON(&printed, ready); strings.TrimSpace(printed.String()) != body {
		t.Errorf("/readyz prints %s", &printed)
	}
	if head := fmt.Sprintf("Date: %s\nContent-Length: %d\n\n{", ready.RetryAt.Add(-time.Duration(ready.RetryInSeconds)*time.Second).Format(http.TimeFormat), printed.Len()); !strings.Contains(readme, head) {
		t.Errorf("/readyz begins with %s", head)
	}

	since := time.Date(2026, 11, 26, 22, 23, 46, 0, time.UTC)
	now := since.Add(time.Minute + time.Second)
	words := advice.Situation{
		Status: machine.Status{State: machine.Lockout, Reason: machine.ReasonLockout, Trigger: machine.TriggerServerLoginRetry, WindowsInRow: 1, Next: *ready.RetryAt},
		Now:    now,
	}
	status := health.Status{
		State: ready.State, Reason: ready.Reason, Trigger: ready.Trigger, Since: since, RetryAt: ready.RetryAt, RetryInSeconds: ready.RetryInSeconds,
		WindowsInRow: 1, Advice: words.Text(), Runbook: words.Page(),
		DSN: health.StatusDSN{Host: "127.0.0.1", Port: 17672, PoolerMode: dsn.ModeUnknown}, Guard: health.StatusGuard{Env: dsn.Dev, OK: true},
		LastAttempt: &health.LastAttempt{At: since, Reason: "lockout", Step: "query", SQLState: "08P01", Message: "server login has been failing, try again later (server_login_retry)"},
		Waiver:      health.StatusWaiver{Status: dsn.WaiverNone}, Store: health.Store{Kind: "memory", Healthy: true},
	}
	if text := report.StatusText(status, now); !strings.Contains(readme, text) {
		t.Errorf("status prints\n%s", text)
	}

	r := report.NewProbeReport(dsn.Judge("postgresql://app:p@127.0.0.1:17672/postgres", dsn.Rules{Env: dsn.Dev}, now))
	r.Refused(report.Heard(ready, false, "sidecar"))
	_, tail, _ := strings.Cut(r.Text(), "IDENTITY: VALID\n")
	if !strings.Contains(readme, tail+"exit code 78\n") {
		t.Errorf("probe prints\n%s", tail)
	}
	if lines := strings.Count(tail, "\n"); !strings.Contains(readme, "tail -10;") || lines != 10 {
		t.Errorf("%d lines", lines)
	}
}
