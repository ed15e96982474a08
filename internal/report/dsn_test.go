package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/health"
)

// TestPasswordInUserIsHidden: no report shows a password that got into the user's
// place, as text or as JSON.
func TestPasswordInUserIsHidden(t *testing.T) {
	const password = "Zq7vKp2Wx9Lm"
	for _, user := range []string{
		"postgres.iaketsyhmqbwaabgykux%3A" + password, "postgres%3A" + password + ".iaketsyhmqbwaabgykux:x",
		"postgres." + password + ":iaketsyhmqbwaabgykux", password + ":postgres.iaketsyhmqbwaabgykux", password + ":x", password,
	} {
		for _, host := range []string{"aws-0-us-east-1.pooler.supabase.com:6543/postgres", "db.iaketsyhmqbwaabgykux.supabase.co:6543", "127.0.0.1:6432", "elsewhere.example/app"} {
			judged := dsn.Judge("postgresql://"+user+"@"+host+"?sslmode=require", dsn.Rules{Env: dsn.Dev}, time.Now())
			checked, probed := NewDSNReport(judged), NewProbeReport(judged)
			verified, gated := NewVerifyReport(judged, dsn.Dev), NewReport("x", dsn.Dev, judged)
			probed.Refused(Judge(judged, "invalid_dsn"))
			verified.Refused(Judge(judged, "invalid_dsn"))
			var out strings.Builder
			out.WriteString(checked.Text() + probed.Text() + verified.Text() + gated.Text())
			for _, value := range []any{checked, probed, verified, gated, health.DSN(judged.DSN), judged.Findings} {
				data, err := json.Marshal(value)
				if err != nil {
					t.Fatal(err)
				}
				out.WriteString(string(data))
			}
			for i := range len(password) - 3 {
				if strings.Contains(strings.ToLower(out.String()), strings.ToLower(password[i:i+4])) {
					t.Errorf("%s@%s: %s", user, host, out.String())
					break
				}
			}
		}
	}
}
