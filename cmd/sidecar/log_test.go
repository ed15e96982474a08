package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestLogJSON: each line is a flat object with a message and a lower-case level, and a
// request is a line at debug alone.
func TestLogJSON(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{})
	s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "x", "app"), "SIDECAR_LOG_LEVEL=debug", "SIDECAR_PROBE_INTERVAL=50ms")
	s.await(machine.Ready, 10*time.Second)
	pooler.Set(poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	s.await(machine.Lockout, 10*time.Second)
	s.get("/readyz")
	s.awaitLine(`"path":"/readyz"`)
	levels := make(map[string]int)
	for line := range strings.Lines(s.lines()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		message, _ := fields["message"].(string)
		level, _ := fields["level"].(string)
		if message == "" || !slices.Contains([]string{"debug", "info", "warn", "error"}, level) {
			t.Errorf("message or level of %s", line)
		}
		levels[level]++
		for name, value := range fields {
			switch value.(type) {
			case string, float64, bool:
			default:
				t.Errorf("%s is not flat in %s", name, line)
			}
		}
		if message == "request" && level != "debug" {
			t.Errorf("a request at %s", level)
		}
	}
	if levels["debug"] == 0 || levels["info"] == 0 || levels["warn"] == 0 {
		t.Errorf("levels %v", levels)
	}
}

// TestLogTransition: a change of the verdict is one line.
func TestLogTransition(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{})
	s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "x", "app"), "SIDECAR_PROBE_INTERVAL=50ms")
	s.await(machine.Ready, 10*time.Second)
	for range 20 {
		s.get("/readyz")
	}
	pooler.Set(poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	s.await(machine.Lockout, 10*time.Second)
	s.awaitLine("Lockout backoff")
	for text, want := range map[string]int{"[DB] pooler_mode=": 1, "[DB] READY=true": 1, "[DB] READY=false": 1, "Lockout backoff": 1, `"request"`: 0} {
		if lines := s.linesWith(text); len(lines) != want {
			t.Errorf("%d lines with %q, want %d: %q", len(lines), text, want, lines)
		}
	}
}

// TestLogText: on a terminal nothing is said twice, the error behind a verdict is there,
// and no text of a server gets out of its line.
func TestLogText(t *testing.T) {
	var out bytes.Buffer
	log := newLogger(config.Config{LogFormat: "text"}, &out)
	log.Info("[DB] pooler_mode=shared port=6543", "pooler_mode", "shared", "port", 6543)
	log.Warn("[DB] READY=false reason=lockout next_retry_in=900s", "ready", false, "reason", "lockout", "next_retry_in", 900, "cause", "", "error", "server\nlogin \x1b[31mfailing")
	log.Warn("[DB Supervisor] Lockout backoff: 900s (15m) remaining.", "remaining", 900, "error", "server login failing")
	log.With("a", 1).WithGroup("g").Info("listening", "address", "[::]:8080", "empty", "", "took", time.Second)
	log.Error("cannot be stored: a\nb\x1b[2J")
	log.Debug("no")
	want := []string{
		"INFO  [DB] pooler_mode=shared port=6543",
		`WARN  [DB] READY=false reason=lockout next_retry_in=900s error="server\nlogin \x1b[31mfailing"`,
		"WARN  [DB Supervisor] Lockout backoff: 900s (15m) remaining.",
		"INFO  listening a=1 g.address=[::]:8080 g.took=1s",
		"ERROR cannot be stored: a\uFFFDb\uFFFD[2J",
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		if _, err := time.Parse(time.DateTime, line[:19]); err != nil {
			t.Error(err)
		}
		got = append(got, strings.TrimSuffix(line[20:], "\n"))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
}

var _ slog.Handler = textLog{}
