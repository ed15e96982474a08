package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

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
