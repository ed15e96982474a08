package deploy

import (
	"os"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// TestCompose: the file as Compose reads it. Whoever is waited for can be healthy,
// what is mounted is there, and only this machine reaches a port.
func TestCompose(t *testing.T) {
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: ".", ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml"}},
	}, func(o *loader.Options) { o.SetProjectName("pooler-sidecar", true) })
	if err != nil {
		t.Fatal(err)
	}
	for name, service := range project.Services {
		if service.Build != nil && service.Build.DockerfileInline != "" {
			stages(t, service.Build.DockerfileInline)
		}
		for on, why := range service.DependsOn {
			awaited := project.Services[on]
			own := awaited.HealthCheck != nil || on == "sidecar" // whose image has a HEALTHCHECK
			if why.Condition != types.ServiceConditionHealthy || !own {
				t.Errorf("%s does not wait until %s is healthy", name, on)
			}
		}
		for _, volume := range service.Volumes {
			if _, err := os.Stat(volume.Source); volume.Type == types.VolumeTypeBind && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is open to the world", name, port.Published)
			}
		}
	}
	for _, name := range []string{"postgres", "pgbouncer", "redis", "sidecar", "worker", "prometheus", "grafana"} {
		if _, ok := project.Services[name]; !ok {
			t.Errorf("no %s", name)
		}
	}
	sidecar, worker := project.Services["sidecar"], project.Services["worker"]
	if dsn := sidecar.Environment["DATABASE_URL"]; dsn == nil || worker.Environment["DATABASE_URL"] == nil || *dsn != *worker.Environment["DATABASE_URL"] {
		t.Error("the sidecar and the worker have to use one DSN")
	}
	if worker.DependsOn["sidecar"].Condition != types.ServiceConditionHealthy || !strings.Contains(worker.Build.DockerfileInline, `ENTRYPOINT ["/sidecar", "run", "--"]`) {
		t.Errorf("%+v", worker)
	}
}
