package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestDeployOutlastsWindows: a health check that gives up inside a window would
// fail the very deploy that brings the cure (docs/facts.md#railway-healthcheck).
func TestDeployOutlastsWindows(t *testing.T) {
	longest := machine.DefaultPolicy().Longest()
	for _, file := range []string{"../../deploy/railway.toml", "../../deploy/railway.ts"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`(?m)^\s*healthcheckTimeout\s*[=:]\s*(\d+)`).FindSubmatch(text)
		if found == nil {
			t.Fatalf("%s sets no healthcheckTimeout", file)
		}
		seconds, _ := strconv.Atoi(string(found[1]))
		if timeout := time.Duration(seconds) * time.Second; timeout <= longest {
			t.Errorf("%s: the health check ends after %s, a window lasts up to %s", file, timeout, longest)
		}
		for _, want := range []string{`"/readyz"`, `"/health"`, "sleepApplication", "drainingSeconds", "SIDECAR_INHERIT_URL"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s does not mention %s", file, want)
			}
		}
	}
}

// TestDockerfile: what Railway's builder rejects, and what a container needs.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, instruction := range regexp.MustCompile(`(?m)^[A-Z].*(?:\\\n.*)*`).FindAllString(string(text), -1) {
		if strings.Contains(instruction, "--mount") {
			t.Errorf("Railway's builder rejects %q", instruction)
		}
	}
	for _, want := range []string{"CGO_ENABLED=0", "nethttpomithttp2", "COPY docs/embed.go docs/runbook.md docs/", "distroless/static-debian12:nonroot", `ENTRYPOINT ["/sidecar"]`, `HEALTHCHECK `, `CMD ["/sidecar", "healthcheck"]`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s", want)
		}
	}
}
