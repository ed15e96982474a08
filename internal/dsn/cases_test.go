package dsn

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// today is after the end of the seed's waiver.
var today = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

// TestCases holds the package against the table that other implementations of
// the guard were held against.
func TestCases(t *testing.T) {
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		ID         string
		DSN        string
		Env        string
		Code       Code
		CodeAny    []Code `json:"code_any"`
		Vars       map[string]string
		PoolerMode Mode     `json:"pooler_mode"`
		Region     string   `json:"region"`
		ProjectRef string   `json:"project_ref"`
		UserBase   string   `json:"user_base"`
		Encoding   Encoding `json:"password_encoding"`
		SSLMode    string   `json:"sslmode"`
		Secret     string
		Warnings   []Code
		HintHas    string `json:"hint_has"`
		HintHasNot string `json:"hint_has_not"`
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			env, err := ParseEnv(c.Env)
			if err != nil {
				t.Fatal(err)
			}
			rules := Rules{Env: env}
			rules.DirectWaiver = c.Vars["DB_CONNECTION_MODE"] == "direct_waiver"
			rules.WaiverExpires = expandDate(t, c.Vars["SIDECAR_WAIVER_EXPIRES"])
			rules.WaiverReason = c.Vars["SIDECAR_WAIVER_REASON"]

			r := Judge(c.DSN, rules, today)
			if r.Code != c.Code && !slices.Contains(c.CodeAny, r.Code) {
				t.Errorf("code %s, want %s; findings %v", r.Code, c.Code, r.Findings)
			}
			expect(t, "pooler_mode", r.DSN.Mode, c.PoolerMode)
			expect(t, "region", r.DSN.Region, c.Region)
			expect(t, "project_ref", r.DSN.ProjectRef, c.ProjectRef)
			expect(t, "user_base", r.DSN.UserBase, c.UserBase)
			expect(t, "password_encoding", r.DSN.Encoding, c.Encoding)
			expect(t, "sslmode", r.DSN.SSLMode, c.SSLMode)
			if c.Secret != "" && strings.Contains(outputs(r), c.Secret) {
				t.Errorf("the secret comes out in %s", outputs(r))
			}
			var hint string
			if first := r.First(); first != nil {
				hint = first.Hint
			}
			if !strings.Contains(hint, c.HintHas) || c.HintHasNot != "" && strings.Contains(hint, c.HintHasNot) {
				t.Errorf("hint %q", hint)
			}
			for _, code := range c.Warnings {
				if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Code == code && f.Severity == Warning }) {
					t.Errorf("no warning %s in %+v", code, r.Findings)
				}
			}
		})
	}
}

// expect compares one field; a case that leaves it out says nothing about it.
func expect[T ~string](t *testing.T, field string, got, want T) {
	t.Helper()
	if want != "" && got != want {
		t.Errorf("%s %q, want %q", field, got, want)
	}
}

// expandDate turns "+20d" into a date that many days after today.
func expandDate(t *testing.T, text string) string {
	t.Helper()
	days, relative := strings.CutSuffix(text, "d")
	if !relative {
		return text
	}
	n, err := strconv.Atoi(days)
	if err != nil {
		t.Fatal(err)
	}
	return today.AddDate(0, 0, n).Format(time.DateOnly)
}
