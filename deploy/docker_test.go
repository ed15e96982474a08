package deploy

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// stages reads a Dockerfile as BuildKit does; what its linter says is an error.
func stages(t *testing.T, text string) []instructions.Stage {
	t.Helper()
	parsed, err := parser.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, warning := range parsed.Warnings {
		t.Errorf("%+v", warning)
	}
	lint := linter.New(&linter.Config{Warn: func(rule, _, _, message string, location []parser.Range) {
		t.Errorf("%s at %v: %s", rule, location, message)
	}})
	all, _, err := instructions.Parse(parsed.AST, lint)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// only are a stage's instructions of one kind.
func only[T instructions.Command](stage instructions.Stage) (all []T) {
	for _, command := range stage.Commands {
		if c, ok := command.(T); ok {
			all = append(all, c)
		}
	}
	return all
}

// TestDockerfile: what Railway's builder rejects, and what a container needs.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	all := stages(t, string(text))
	if len(all) != 2 || all[0].BaseName != "golang:1.26-trixie" || all[1].BaseName != "gcr.io/distroless/static-debian13:nonroot" {
		t.Fatalf("%+v", all)
	}
	for _, run := range only[*instructions.RunCommand](all[0]) {
		if len(run.FlagsUsed) > 0 {
			t.Errorf("Railway's builder rejects RUN --%s", run.FlagsUsed)
		}
	}
	build := string(text)
	for _, want := range []string{"CGO_ENABLED=0", "GOARCH=${TARGETARCH}", "-trimpath", "nethttpomithttp2"} {
		if !strings.Contains(build, want) {
			t.Errorf("no %s", want)
		}
	}
	last := all[1]
	if users := only[*instructions.UserCommand](last); len(users) != 1 || !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(users[0].User) {
		t.Errorf("Kubernetes takes no name for proof that it is not root: %+v", users)
	}
	if health := only[*instructions.HealthCheckCommand](last); len(health) != 1 || !slices.Equal(health[0].Health.Test, []string{"CMD", "/sidecar", "healthcheck"}) {
		t.Errorf("%+v", health)
	}
	if start := only[*instructions.EntrypointCommand](last); len(start) != 1 || start[0].PrependShell || !slices.Equal(start[0].CmdLine, []string{"/sidecar"}) {
		t.Errorf("%+v", start)
	}
	labels := make(map[string]bool)
	for _, label := range only[*instructions.LabelCommand](last) {
		for _, pair := range label.Labels {
			labels[strings.TrimPrefix(pair.Key, "org.opencontainers.image.")] = true
		}
	}
	for _, want := range []string{"title", "description", "licenses", "version", "revision"} {
		if !labels[want] {
			t.Errorf("no label %s", want)
		}
	}
}
