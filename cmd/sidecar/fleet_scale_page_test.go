package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/chart"
)

// TestFleetScalePage: the page's words are those of its template; the figures are of
// whoever measured.
func TestFleetScalePage(t *testing.T) {
	if page := readAll(t, "../../docs/fleet-scale.md"); !strings.HasPrefix(page, readAll(t, "testdata/fleet-scale.md.tmpl")) {
		t.Error("docs/fleet-scale.md does not begin as its template: make bench-fleet")
	}
}

// writeScale writes the page and its pictures.
func writeScale(t *testing.T, folder string, byMembers, byReaders []scaled) {
	var b strings.Builder
	b.WriteString(readAll(t, "testdata/fleet-scale.md.tmpl"))
	fmt.Fprintf(&b, "\nMeasured on %d cores, which sidecars, Redis and readers share.\n", runtime.NumCPU())
	fmt.Fprintf(&b, "\n## By members\n\n1000 readers.\n\n%s\n![logins and Redis by members](fleet-scale-members.svg)\n\n![time to follow by members](fleet-scale-follow.svg)\n", tableOf(byMembers))
	fmt.Fprintf(&b, "\n## By readers\n\n16 members.\n\n%s\n![logins, Redis and answers by readers](fleet-scale-readers.svg)\n", tableOf(byReaders))
	b.WriteString(onPaper(byMembers, byReaders))
	members := func(s scaled) float64 { return float64(s.members) }
	asked := func(s scaled) float64 { return float64(s.readers) }
	rates := []measure{
		{"logins", "#b42318", func(s scaled) float64 { return s.logins }},
		{"scripts", "#175cd3", func(s scaled) float64 { return s.scripts }},
		{"Redis commands", "#7a5af8", func(s scaled) float64 { return s.commands }},
	}
	follow := []measure{
		{"p50", "#1a7f37", func(s scaled) float64 { return s.followed.p50.Seconds() * 1000 }},
		{"p99", "#b7791f", func(s scaled) float64 { return s.followed.p99.Seconds() * 1000 }},
	}
	for name, content := range map[string]string{
		"fleet-scale.md":          b.String(),
		"fleet-scale-members.svg": chart.Lines("What a fleet asks a second, by its members", "members", "a second", curves(byMembers, members, rates)),
		"fleet-scale-follow.svg":  chart.Lines("How long until a follower follows, by members", "members", "ms", curves(byMembers[1:], members, follow)),
		"fleet-scale-readers.svg": chart.Lines("What a fleet asks and answers a second, by readers", "readers", "a second", curves(byReaders, asked,
			append(rates, measure{"answers", "#1a7f37", func(s scaled) float64 { return s.answers }}))),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// measure is one value of a measurement, as a curve.
type measure struct {
	name, colour string
	of           func(scaled) float64
}

func curves(all []scaled, x func(scaled) float64, measures []measure) (list []chart.Curve) {
	for _, m := range measures {
		c := chart.Curve{Name: m.name, Colour: m.colour}
		for _, s := range all {
			c.Points = append(c.Points, chart.Point{X: x(s), Y: math.Max(m.of(s), 0.1)})
		}
		list = append(list, c)
	}
	return list
}

func tableOf(all []scaled) string {
	var b strings.Builder
	b.WriteString("| members | readers | logins a second | members that log in | logins in a window | scripts a second | commands a second | Redis, of a core | answers a second | an answer takes, p50, p99 | a sidecar that is asked, of a core | follows after, p50, p99 |\n" + strings.Repeat("|---", 12) + "|\n")
	for _, s := range all {
		followed := "-"
		if s.members > 1 {
			followed = fmt.Sprintf("%s, %s", inMillis(s.followed.p50), inMillis(s.followed.p99))
		}
		fmt.Fprintf(&b, "| %d | %d | %.1f | %d | %d | %.1f | %.0f | %.2f %% | %.0f | %s, %s | %.1f %% | %s |\n", s.members, s.readers, s.logins, s.loggedIn, s.inWindow,
			s.scripts, s.commands, 100*s.redisCPU, s.answers, inMillis(s.answer.p50), inMillis(s.answer.p99), 100*s.memberCPU, followed)
	}
	return b.String()
}

func inMillis(d time.Duration) string {
	return fmt.Sprintf("%.3g ms", float64(d.Microseconds())/1000)
}

// onPaper is what larger numbers would need, computed from the measured ones.
func onPaper(byMembers, byReaders []scaled) string {
	few, many, one, largest := byReaders[0], byReaders[len(byReaders)-1], byMembers[0], byMembers[len(byMembers)-1]
	followers := float64(many.members - 1)
	answer := (many.memberCPU - few.memberCPU) * followers / (many.answers - few.answers) // core seconds
	look := (largest.scripts - one.scripts) / float64(largest.members-one.members)
	script := (largest.redisCPU - one.redisCPU) / (largest.scripts - one.scripts)
	const (
		readers, services, each = 100_000, 100, 2
		held                    = 512      // connections that a sidecar holds
		half                    = 0.5      // of a core for each sidecar
		write                   = 3.0 / 30 // scripts a second of a leader, by default
	)
	asked := float64(readers) / readEach.Seconds()
	cores := asked * answer
	var b strings.Builder
	fmt.Fprintf(&b, "\n## On paper\n\nComputed from the figures above, not measured: an answer costs a sidecar %.0f us of a core, a member asks Redis %.2f times a\nsecond, and a script costs Redis %.0f us.\n\n", answer*1e6, look, script*1e6)
	fmt.Fprintf(&b, "| what | needs |\n|---|---|\n")
	fmt.Fprintf(&b, "| 10^5 readers, every 2 s: %.0f answers a second | %.1f cores: %.0f sidecars at half a core each, if readers share connections |\n", asked, cores, math.Ceil(cores/half))
	fmt.Fprintf(&b, "| the same, each with a kept connection of its own | %.0f sidecars, since one holds %d connections: an ingress in between shares them |\n", math.Ceil(float64(readers)/held), held)
	fmt.Fprintf(&b, "| Redis for %.0f of them | %.0f scripts a second, %.1f %% of a core |\n", math.Ceil(readers/float64(held)), look*math.Ceil(readers/float64(held)), 100*look*math.Ceil(readers/float64(held))*script)
	own := services * (each*look + write)
	fmt.Fprintf(&b, "| 100 services with a database each, %d sidecars each | %.0f scripts a second on one Redis, %.1f %% of a core; %.1f logins a second in all, at 100 poolers |\n", each, own, 100*own*script, float64(services)/30)
	apart := services * (2*each*look + write)
	fmt.Fprintf(&b, "| 100 services with a credential each on one database | %.0f scripts a second, %.1f %% of a core: who does not lead looks twice; %.1f logins a second, at one pooler, and one in 15 minutes for all while it is locked out |\n", apart, 100*apart*script, float64(services)/30)
	fmt.Fprintf(&b, "\nLogins do not grow with readers, nor with members: they are the leader's. What grows with members is what Redis is asked,\nby one look a second each; what grows with readers is what followers answer, and more followers share that.\n")
	return b.String()
}
