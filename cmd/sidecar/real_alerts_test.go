package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// prometheus is one that scrapes a sidecar once a second with the configuration that is
// shipped.
type prometheus struct {
	t   *testing.T
	url string
}

func startPrometheus(t *testing.T, target string) prometheus {
	t.Helper()
	folder := t.TempDir()
	config, _, _ := strings.Cut(readAll(t, prometheusFolder+"prometheus.yml"), "  # On Railway")
	config = strings.NewReplacer("15s", "1s", "localhost:8080", target, "YOUR-SIDECAR.up.railway.app", "sidecar.example").Replace(config)
	for name, text := range map[string]string{"prometheus.yml": config, "pooler.rules.yml": readAll(t, prometheusFolder+"pooler.rules.yml")} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := fmt.Sprintf("127.0.0.1:%d", realpeer.FreePort(t))
	command := exec.Command(realpeer.Tool(t, "prometheus", "prometheus"), "--config.file="+folder+"/prometheus.yml",
		"--storage.tsdb.path="+folder+"/data", "--web.listen-address="+address, "--log.level=error")
	var said bytes.Buffer // that nobody takes its alerts, mostly
	command.Stderr = &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
		if t.Failed() {
			t.Logf("prometheus: %s", &said)
		}
	})
	return prometheus{t, "http://" + address}
}

// alerts are those that are there now, each as "name state".
func (p prometheus) alerts() (all []string, err error) {
	response, err := http.Get(p.url + "/api/v1/alerts")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Data struct {
			Alerts []struct {
				State               string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	for _, a := range answer.Data.Alerts {
		all = append(all, a.Labels["alertname"]+" "+a.State)
		if a.Annotations["runbook_url"] == "" || strings.Contains(a.Annotations["description"], "error") {
			p.t.Errorf("annotations %v", a.Annotations)
		}
	}
	slices.Sort(all)
	return all, nil
}

// await waits until the alerts are these.
func (p prometheus) await(want ...string) {
	p.t.Helper()
	realpeer.Until(p.t, 40*time.Second, fmt.Sprintf("the alerts are %q", want), func() error {
		got, err := p.alerts()
		if err == nil && !slices.Equal(got, want) {
			err = fmt.Errorf("they are %q", got)
		}
		return err
	})
}

// TestRealAlerts: a real Prometheus follows a sidecar through a lockout, and then
// through its end.
func TestRealAlerts(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{})
	s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "x", "app"), "SIDECAR_PROBE_INTERVAL=200ms", "SIDECAR_LOCKOUT_MIN=8s", "SIDECAR_LOCKOUT_MAX=9s")
	s.await(machine.Ready, 10*time.Second)
	p := startPrometheus(t, strings.TrimPrefix(s.url, "http://"))
	realpeer.Until(t, 40*time.Second, "Prometheus has scraped", func() error {
		response, err := http.Get(p.url + "/api/v1/query?query=pooler_ready")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		var answer struct{ Data struct{ Result []any } }
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || len(answer.Data.Result) == 0 {
			return fmt.Errorf("%+v: %v", answer, err)
		}
		return nil
	})
	p.await()
	pooler.Set(poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	p.await("PoolerLockoutActive firing", "PoolerNotReady pending")
	pooler.Set(poolersim.Script{})
	p.await()
	s.stop()
	p.await("PoolerSidecarDown pending")
}
