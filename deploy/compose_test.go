package deploy

import (
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// composed are the files as Compose reads them. Whoever is waited for can be healthy,
// what is mounted is there, and only this machine reaches a port.
func composed(t *testing.T, files ...string) *types.Project {
	t.Helper()
	details := types.ConfigDetails{WorkingDir: "."}
	for _, name := range files {
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: name})
	}
	project, err := loader.LoadWithContext(t.Context(), details, func(o *loader.Options) { o.SetProjectName("pooler-sidecar", true) })
	if err != nil {
		t.Fatal(err)
	}
	published := make(map[string]string)
	for name, service := range project.Services {
		if service.Build != nil && service.Build.DockerfileInline != "" {
			stages(t, service.Build.DockerfileInline)
		}
		for on, why := range service.DependsOn {
			awaited := project.Services[on]
			own := awaited.HealthCheck != nil || strings.HasPrefix(on, "sidecar") // whose image has a HEALTHCHECK
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
			if other := published[port.Published]; other != "" {
				t.Errorf("%s and %s have one port, %s", name, other, port.Published)
			}
			published[port.Published] = name
		}
	}
	return project
}

func TestCompose(t *testing.T) {
	project := composed(t, "compose.yaml")
	for _, name := range []string{"postgres", "pgbouncer", "redis", "sidecar", "worker", "prometheus", "grafana"} {
		if _, ok := project.Services[name]; !ok {
			t.Errorf("no %s", name)
		}
	}
	sidecar, worker := project.Services["sidecar"], project.Services["worker"]
	if dsn := sidecar.Environment["DATABASE_URL"]; dsn == nil || worker.Environment["DATABASE_URL"] == nil || *dsn != *worker.Environment["DATABASE_URL"] {
		t.Error("the sidecar and the worker have to use one DSN")
	}
	if port := sidecar.Environment["SIDECAR_PROXY_PORT"]; port == nil || *port != "6432" || len(sidecar.Ports) != 1 || time.Duration(*sidecar.StopGracePeriod) < 30*time.Second {
		t.Errorf("the proxy is for the others in the network, and has its time to end: %+v", sidecar)
	}
	if worker.DependsOn["sidecar"].Condition != types.ServiceConditionHealthy || !strings.Contains(worker.Build.DockerfileInline, `ENTRYPOINT ["/sidecar", "run", "--"]`) {
		t.Errorf("%+v", worker)
	}
}

// TestComposeFleet: two sidecars that are alike but for their port share the store, the
// DSN and a name, at which the worker asks; Prometheus scrapes both.
func TestComposeFleet(t *testing.T) {
	project := composed(t, "compose.yaml", "compose.fleet.yaml")
	first, second := project.Services["sidecar"], project.Services["sidecar-2"]
	if !reflect.DeepEqual(first.Environment, second.Environment) || !strings.HasPrefix(*first.Environment["SIDECAR_STATE"], "redis://") ||
		second.Restart != first.Restart || !second.ReadOnly || len(second.Ports) != 1 || second.DependsOn["redis"].Condition != types.ServiceConditionHealthy {
		t.Errorf("they differ:\n%+v\n%+v", first, second)
	}
	asked, _ := url.Parse(*project.Services["worker"].Environment["SIDECAR_URL"])
	for _, service := range []types.ServiceConfig{first, second} {
		if network := service.Networks["default"]; network == nil || !slices.Contains(network.Aliases, asked.Hostname()) {
			t.Errorf("%s is not asked at %s", service.Name, asked)
		}
		if scraped := project.Configs["prometheus.yml"].Content; !strings.Contains(scraped, `"`+service.Name+`:8080"`) {
			t.Errorf("nobody scrapes %s", service.Name)
		}
	}
}
