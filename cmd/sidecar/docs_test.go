package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/store"
)

// quotation is a line that the code's own words are printed into.
var quotation = regexp.MustCompile(`(?m)^>.*\n`)

var inQuotes = regexp.MustCompile("`([^`]+)`")

// docTables are the tables of a document by their heading, without heads.
func docTables(t *testing.T, name string) map[string][][]string {
	t.Helper()
	data, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	tables := make(map[string][][]string)
	heading, before := "", ""
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			heading = strings.Trim(line, "# \n")
		}
		isRow := strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "|--")
		if isRow && strings.HasPrefix(before, "|") { // not the head
			var row []string
			for field := range strings.SplitSeq(strings.Trim(line, "|\n"), "|") {
				row = append(row, strings.TrimSpace(field))
			}
			tables[heading] = append(tables[heading], row)
		}
		before = line
	}
	return tables
}

// quoted are the texts of a cell that stand in backquotes.
func quoted(cell string) (all []string) {
	for _, m := range inQuotes.FindAllStringSubmatch(cell, -1) {
		all = append(all, m[1])
	}
	return all
}

// cleanEnvironment unsets every variable of the config for this test.
func cleanEnvironment(t *testing.T) {
	t.Helper()
	for field := range reflect.TypeFor[config.Config]().Fields() {
		t.Setenv(field.Tag.Get("envconfig"), "")
	}
}

// computedDefaults stand in the code, not in a tag; TestDocsComputedDefaults
// holds those with a value.
var computedDefaults = map[string][]string{
	"SUPABASE_MODE":          {"dev", "prod", "RAILWAY_ENVIRONMENT_NAME=production"},
	"SIDECAR_PROD_REF":       {"iaketsyhmqbwaabgykux"},
	"SIDECAR_DEV_REF":        {"ejiddanxtqcleyswqvkc"},
	"SIDECAR_WAIVER_EXPIRES": {"2026-02-15"},
	"SIDECAR_BREAKER_MIN":    {"SIDECAR_LOCKOUT_MIN"},
	"SIDECAR_BREAKER_MAX":    {"SIDECAR_LOCKOUT_MAX"},
	"SIDECAR_URL":            {"http://127.0.0.1:$PORT"},
	"SIDECAR_LOG_FORMAT":     {"text", "json"},
	"SIDECAR_STATE":          {"file:$RAILWAY_VOLUME_MOUNT_PATH/sidecar-state.json", "memory:"},
}

// TestDocsVariables: docs/config.md has every field of config with its default,
// and no other.
func TestDocsVariables(t *testing.T) {
	documented := make(map[string][]string)
	for heading, table := range docTables(t, "config.md") {
		if heading == "Spans of time" || heading == "Refused" {
			continue
		}
		for _, row := range table {
			name := quoted(row[0])[0]
			if _, twice := documented[name]; twice || len(row) != 3 || row[2] == "" {
				t.Errorf("%s: documented twice, or without a meaning", name)
			}
			documented[name] = quoted(row[1])
		}
	}
	for field := range reflect.TypeFor[config.Config]().Fields() {
		name := field.Tag.Get("envconfig")
		want := computedDefaults[name]
		if value := field.Tag.Get("default"); value != "" {
			want = []string{value}
		}
		got, ok := documented[name]
		if !ok || !slices.Equal(got, want) {
			t.Errorf("%s: documented %v with default %q, want %q", name, ok, got, want)
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("%s is documented, but no variable", name)
	}
}

// TestDocsComputedDefaults: what the code puts in place of an unset variable.
func TestDocsComputedDefaults(t *testing.T) {
	cleanEnvironment(t)
	c, err := config.Load()
	if err != nil || c.Mode != "dev" {
		t.Fatalf("mode %q, %v", c.Mode, err)
	}
	var log bytes.Buffer
	newLogger(c, &log).Info("x")
	if !json.Valid(log.Bytes()) {
		t.Errorf("logs %s", &log)
	}
	c.Port = 1
	if got := c.SidecarAddress().String(); got != "http://127.0.0.1:1" {
		t.Errorf("asks %s", got)
	}
	today := time.Date(2026, 1, 18, 15, 0, 0, 0, time.UTC)
	for mode, name := range map[dsn.Env]string{dsn.Prod: "SIDECAR_PROD_REF", dsn.Dev: "SIDECAR_DEV_REF"} {
		raw := "postgresql://app:p@db." + computedDefaults[name][0] + ".supabase.co:6543/app?sslmode=require"
		if r := dsn.Judge(raw, dsn.Rules{Env: mode}, today); !r.Valid() {
			t.Errorf("%s: %s", name, r.Code)
		}
	}
	waiver := dsn.Judge("", dsn.Rules{DirectWaiver: true}, today).Waiver
	if got := waiver.Expires.Format(time.DateOnly); got != computedDefaults["SIDECAR_WAIVER_EXPIRES"][0] || waiver.Reason == "" {
		t.Errorf("the waiver ends %s, for %q", got, waiver.Reason)
	}
	if kind := store.Open(c.StatePath()).Kind(); kind+":" != computedDefaults["SIDECAR_STATE"][1] {
		t.Errorf("without a volume the deadline lives in %s", kind)
	}
	c.Volume = "/data"
	if path, want := c.StatePath(), computedDefaults["SIDECAR_STATE"][0]; "file:"+path != strings.Replace(want, "$RAILWAY_VOLUME_MOUNT_PATH", "/data", 1) {
		t.Errorf("on a volume the deadline lives in %s", path)
	}
	if p := c.Policy(); p.Breaker != p.Lockout {
		t.Errorf("a breaker's window is %v", p.Breaker)
	}
	t.Setenv("RAILWAY_ENVIRONMENT_NAME", "production")
	if c, err = config.Load(); err != nil || c.Mode != "prod" {
		t.Errorf("in production: mode %q, %v", c.Mode, err)
	}
}

// TestDocsSpans: the spellings of a span of time, and the bounds.
func TestDocsSpans(t *testing.T) {
	table := docTables(t, "config.md")["Spans of time"]
	for _, row := range table {
		var s config.Span
		if err := s.Decode(quoted(row[0])[0]); err != nil || time.Duration(s).String() != row[1] {
			t.Errorf("%s is %s, %v; docs/config.md says %s", row[0], time.Duration(s), err, row[1])
		}
	}
	if len(table) != 4 || config.LeastSpan != 10*time.Millisecond || config.MostSpan != 720*time.Hour {
		t.Errorf("%d spellings, from %s to %s", len(table), config.LeastSpan, config.MostSpan)
	}
}

// TestDocsRefused: each bad value stops the start with the documented line.
func TestDocsRefused(t *testing.T) {
	for _, row := range docTables(t, "config.md")["Refused"] {
		t.Run(row[0], func(t *testing.T) {
			cleanEnvironment(t)
			for setting := range strings.FieldsSeq(quoted(row[0])[0]) {
				name, value, _ := strings.Cut(setting, "=")
				t.Setenv(name, value)
			}
			if _, err := config.Load(); err == nil || err.Error() != quoted(row[1])[0] {
				t.Errorf("says %v, docs/config.md %s", err, row[1])
			}
		})
	}
}

// TestDocsNames: no document names a variable that there is not.
func TestDocsNames(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	known := make(map[string]bool)
	for field := range reflect.TypeFor[config.Config]().Fields() {
		known[field.Tag.Get("envconfig")] = true
	}
	for _, file := range append(files, "../../README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`\bSIDECAR_[A-Z_]*[A-Z]\b`).FindAllString(string(text), -1) {
			if !known[name] {
				t.Errorf("%s names %s, which nothing reads", filepath.Base(file), name)
			}
		}
		most := 300
		switch filepath.Base(file) {
		case "facts.md": // a reference: looked up, not read through
			most = 400
		case "runbook.md": // whoever is woken up wants one page
			most = 500
		}
		if lines := bytes.Count(quotation.ReplaceAll(text, nil), []byte("\n")); lines > most {
			t.Errorf("%s has %d lines, at most %d are meant", filepath.Base(file), lines, most)
		}
	}
}
