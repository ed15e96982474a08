package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// outlasts reports whether a health check of so many seconds is longer than the
// longest window: one that gives up inside it would fail the very deploy that
// brings the cure (docs/facts.md#railway-healthcheck).
func outlasts(t *testing.T, what string, seconds int) {
	t.Helper()
	if timeout, longest := time.Duration(seconds)*time.Second, machine.DefaultPolicy().Longest(); timeout <= longest {
		t.Errorf("%s: the health check ends after %s, a window lasts up to %s", what, timeout, longest)
	}
}

// TestRailwayToml: the settings of the file that services from before still read.
func TestRailwayToml(t *testing.T) {
	text, err := os.ReadFile("../../deploy/railway.toml")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^healthcheckTimeout = (\d+)$`).FindSubmatch(text)
	if found == nil {
		t.Fatal("no healthcheckTimeout")
	}
	seconds, _ := strconv.Atoi(string(found[1]))
	outlasts(t, "railway.toml", seconds)
	for _, want := range []string{`"/readyz"`, `"/health"`, "sleepApplication = false", "drainingSeconds", "SIDECAR_INHERIT_URL", "2026-12-01"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("railway.toml does not mention %s", want)
		}
	}
}

// railwayService is a service as Railway's SDK hands it to its command line.
type railwayService struct {
	Name   string
	Source struct{ Type, RootDirectory string }
	Build  struct{ Builder, DockerfilePath string }
	Deploy struct {
		StartCommand, HealthcheckPath, RestartPolicyType                                          string
		PreDeployCommand                                                                          []string
		HealthcheckTimeout, NumReplicas, DrainingSeconds, OverlapSeconds, RestartPolicyMaxRetries int
		SleepApplication                                                                          *bool
	}
	Variables map[string]struct{ Type, Value, Resource, Output string }
}

// railwayProject compiles .railway/railway.ts against Railway's own package, under
// the rules of a program that strips types, as its command line does, and returns
// what the file says once it is run.
func railwayProject(t *testing.T) map[string]railwayService {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	modules := filepath.Join(cache, "pooler-sidecar/node_modules")
	compiler, node := realpeer.Tool(t, filepath.Join(modules, ".bin/tsc"), "npm, then make needs"), realpeer.Tool(t, "node", "nodejs")
	folder := t.TempDir()
	source, err := os.ReadFile("../../.railway/railway.ts")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"railway.ts": string(source), "package.json": `{"type": "module"}`,
		"run.js": `import program from "./railway.js"; import { createRailwayContext, project } from "railway/iac";
			console.log(JSON.stringify(await program(createRailwayContext({ environment: "production" }), project)))`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(modules, filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) []byte {
		command := exec.Command(name, args...)
		command.Dir = folder
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", filepath.Base(name), err, out)
		}
		return out
	}
	run(compiler, "--strict", "--erasableSyntaxOnly", "--verbatimModuleSyntax", "--module", "esnext", "--moduleResolution", "bundler", "--target", "es2022", "--types", "", "railway.ts")
	var project struct{ Resources []railwayService }
	if out := run(node, "run.js"); json.Unmarshal(out, &project) != nil {
		t.Fatalf("%s", out)
	}
	services := make(map[string]railwayService)
	for _, s := range project.Resources {
		services[s.Name] = s
	}
	return services
}

// TestRailway: what Railway would be told. The values are looked at after the file
// was run: an object inside a text passes every check of types.
func TestRailway(t *testing.T) {
	t.Parallel()
	services := railwayProject(t)
	const address, ref = "http://${{sidecar.RAILWAY_PRIVATE_DOMAIN}}:${{sidecar.PORT}}", "iaketsyhmqbwaabgykux"
	for name, want := range map[string]struct {
		start, preDeploy, health string
		overlap                  int
		texts                    map[string]string
	}{
		"sidecar": {"", "", "/readyz", 15, map[string]string{"PORT": "8080", "SIDECAR_INHERIT_URL": address, "SIDECAR_PROD_REF": ref}},
		"api":     {"/sidecar run -- ", "/sidecar gate --no-connect", "/health", 15, map[string]string{"PORT": "8080", "SIDECAR_URL": address, "SIDECAR_PROD_REF": ref}},
		"worker":  {"/sidecar run --stable 30s -- ", "/sidecar gate --no-connect", "", 0, map[string]string{"SIDECAR_URL": address, "SIDECAR_PROD_REF": ref}},
	} {
		s, ok := services[name]
		d := s.Deploy
		if !ok || d.SleepApplication == nil || *d.SleepApplication || d.DrainingSeconds < 10 || d.RestartPolicyType != "ON_FAILURE" || d.OverlapSeconds != want.overlap {
			t.Errorf("%s: %+v", name, d)
		}
		if !strings.HasPrefix(d.StartCommand, want.start) || strings.Join(d.PreDeployCommand, " ") != want.preDeploy || d.HealthcheckPath != want.health {
			t.Errorf("%s: %+v", name, d)
		}
		if want.health != "" {
			outlasts(t, name, d.HealthcheckTimeout)
		}
		texts := make(map[string]string)
		for variable, value := range s.Variables {
			if strings.Contains(value.Value, "[object") {
				t.Errorf("%s: %s is %q", name, variable, value.Value)
			}
			if value.Type == "literal" {
				texts[variable] = value.Value
			}
		}
		if diff := cmp.Diff(want.texts, texts); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if url := s.Variables["DATABASE_URL"]; name == "sidecar" && url.Type != "preserve" || name != "sidecar" && (url.Resource != "service.sidecar" || url.Output != "DATABASE_URL") {
			t.Errorf("%s: DATABASE_URL is %+v", name, url)
		}
	}
	if len(services) != 3 || services["sidecar"].Deploy.NumReplicas != 1 {
		t.Errorf("%d services, %d sidecars", len(services), services["sidecar"].Deploy.NumReplicas)
	}
}
