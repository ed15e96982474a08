package amplify

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/chart"
)

var update = flag.Bool("update", false, "write docs/amplification.md and its pictures")

var fleets = []int{20, 100, 200}

// TestNeverLockedOut: behind the proxy the breaker is never shut, whatever the apps
// do, and all of them are in soon after they have the right password.
func TestNeverLockedOut(t *testing.T) {
	for _, fleet := range fleets {
		for _, r := range retries {
			if c := play(proxy, r, fleet); c.logins >= trips || c.locked > 0 || c.never > 0 || c.outage > 30*time.Second {
				t.Errorf("%d apps, %s: %d logins, locked out for %v, in after %v, %d never", fleet, r.name, c.logins, c.locked, c.outage, c.never)
			}
		}
	}
}

// TestAmplification plays every cell, and holds the page and its pictures against
// what came out. The larger fleets are for make bench-amplification and make soak.
func TestAmplification(t *testing.T) {
	all := *update || os.Getenv("SOAK") != ""
	page, err := os.ReadFile("testdata/amplification.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	real, err := os.ReadFile("testdata/real.md") // what cmd/sidecar has measured
	if err != nil {
		t.Fatal(err)
	}
	page = append(page, real...)
	for _, fleet := range fleets {
		if fleet > fleets[0] && !all {
			break
		}
		text, cells := section(fleet)
		page = append(page, text...)
		same(t, fmt.Sprintf("../../../docs/amplification-%d.svg", fleet), picture(fleet, cells), true)
	}
	same(t, "../../../docs/amplification.md", string(page), all)
}

// section is what the page says of a fleet.
func section(fleet int) (string, map[string]result) {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %d apps\n\n![logins at the pooler, %d apps](amplification-%d.svg)\n\n", fleet, fleet, fleet)
	b.WriteString("| how an app tries again | between them and the pooler | logins at the pooler | locked out | all in again after |\n|---|---|---|---|---|\n")
	cells := make(map[string]result)
	for _, r := range retries {
		for _, g := range guards {
			c := play(g, r, fleet)
			cells[r.name+string(g)] = c
			fmt.Fprintf(&b, "| %s | %s | %d | %s | %s |\n", r.name, g, c.logins, span(c.locked), again(c))
		}
	}
	return b.String(), cells
}

// same holds a file, or its beginning, against what it has to be.
func same(t *testing.T, file, want string, whole bool) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || whole && string(got) != want || !strings.HasPrefix(string(got), want) {
		t.Errorf("%s is not what comes out now (%v): make bench-amplification", file, err)
	}
}

func span(d time.Duration) string {
	if d == 0 {
		return "never"
	}
	return d.Round(time.Second).String()
}

func again(r result) string {
	if r.never > 0 {
		return fmt.Sprintf("%d not within 49m", r.never)
	}
	return r.outage.Round(time.Second).String()
}

// picture shows the logins of every cell as bars.
func picture(fleet int, cells map[string]result) string {
	colours := map[guard]string{nobody: "#b42318", readyz: "#b7791f", proxy: "#1a7f37"}
	var groups []chart.Group
	for _, r := range retries {
		group := chart.Group{Name: r.name}
		for _, g := range guards {
			group.Bars = append(group.Bars, chart.Bar{Name: strings.Trim(string(g), "`"), Colour: colours[g], Value: cells[r.name+string(g)].logins})
		}
		groups = append(groups, group)
	}
	return chart.Bars(fmt.Sprintf("%d apps: logins at the pooler with a wrong password or a shut breaker (each step of the scale is ten times more)", fleet), groups)
}
