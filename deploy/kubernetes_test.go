package deploy

import (
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// longestWindow is what a window lasts at most, after a network ban.
const longestWindow = 35 * time.Minute

// built are the objects of a folder, as kubectl apply -k would send them, by kind
// and name. Each is read strictly: a field that its type does not have is an error.
func built(t *testing.T, folder string) map[string]any {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatal(err)
	}
	objects := make(map[string]any)
	for _, resource := range resources.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		object, ok := map[string]any{
			"v1/Namespace": &core.Namespace{}, "v1/ConfigMap": &core.ConfigMap{}, "v1/Service": &core.Service{}, "v1/PersistentVolumeClaim": &core.PersistentVolumeClaim{},
			"apps/v1/Deployment": &apps.Deployment{}, "apps/v1/StatefulSet": &apps.StatefulSet{}, "batch/v1/Job": &batch.Job{},
			"monitoring.coreos.com/v1/ServiceMonitor": &monitoring.ServiceMonitor{}, "monitoring.coreos.com/v1/PrometheusRule": &monitoring.PrometheusRule{},
		}[resource.GetApiVersion()+"/"+resource.GetKind()]
		if !ok {
			t.Fatalf("nobody reads a %s", resource.GetKind())
		}
		if err := yaml.UnmarshalStrict(text, object); err != nil {
			t.Errorf("%s: %v\n%s", resource.GetName(), err, text)
		}
		objects[resource.GetKind()+" "+resource.GetName()] = object
	}
	return objects
}

// restricted holds a pod against the strictest of Kubernetes' own standards.
func restricted(t *testing.T, name string, pod core.PodTemplateSpec) {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range evaluator.EvaluatePod(api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}, &pod.ObjectMeta, &pod.Spec) {
		if !result.Allowed {
			t.Errorf("%s: %s: %s", name, result.ForbiddenReason, result.ForbiddenDetail)
		}
	}
	for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if !strings.HasPrefix(container.Image, "YOUR-REGISTRY/") {
			t.Errorf("%s: %s is no image of yours", name, container.Image)
		}
		if from := container.EnvFrom; container.Name != "redis" && (len(from) != 1 || from[0].ConfigMapRef.Name != "database") {
			t.Errorf("%s: in dev, %s refuses the DSN of production", name, container.Name)
		}
	}
}

func TestKubernetes(t *testing.T) {
	objects := built(t, "kubernetes")
	sidecar, ok := objects["Deployment sidecar"].(*apps.Deployment)
	if !ok || *sidecar.Spec.Replicas != 1 || sidecar.Spec.Strategy.Type != apps.RecreateDeploymentStrategyType {
		t.Fatalf("never two at a time: %+v", sidecar)
	}
	pod := sidecar.Spec.Template
	restricted(t, "sidecar", pod)
	for _, probe := range []*core.Probe{pod.Spec.Containers[0].LivenessProbe, pod.Spec.Containers[0].ReadinessProbe} {
		if probe.HTTPGet.Path != "/health" {
			t.Errorf("in a lockout nobody could ask any more: %s", probe.HTTPGet.Path)
		}
	}
	if settings := objects["ConfigMap database"].(*core.ConfigMap).Data; settings["SUPABASE_MODE"] != "prod" || settings["SIDECAR_PROD_REF"] == "" {
		t.Errorf("%v", settings)
	}
	service := objects["Service sidecar"].(*core.Service)
	for key, value := range service.Spec.Selector {
		if pod.Labels[key] != value {
			t.Errorf("the service finds no pod with %s=%s", key, value)
		}
	}
	monitor := built(t, "kubernetes/monitoring")["ServiceMonitor sidecar"].(*monitoring.ServiceMonitor)
	for key, value := range monitor.Spec.Selector.MatchLabels {
		if service.Labels[key] != value {
			t.Errorf("the monitor finds no service with %s=%s", key, value)
		}
	}
}

// TestKubernetesFleet: two sidecars that share a Redis with a password, on its own volume,
// and none of the volume that only one of them could have.
func TestKubernetesFleet(t *testing.T) {
	objects := built(t, "kubernetes-fleet")
	sidecar := objects["Deployment sidecar"].(*apps.Deployment)
	pod := sidecar.Spec.Template
	restricted(t, "sidecar", pod)
	if *sidecar.Spec.Replicas != 2 || sidecar.Spec.Strategy.Type != apps.RollingUpdateDeploymentStrategyType || sidecar.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue() > 1 {
		t.Errorf("%+v", sidecar.Spec)
	}
	for _, volume := range pod.Spec.Volumes {
		if volume.PersistentVolumeClaim != nil {
			t.Errorf("two cannot have the volume %s", volume.Name)
		}
	}
	if objects["PersistentVolumeClaim sidecar-state"] != nil || len(pod.Spec.Containers[0].VolumeMounts) != 1 {
		t.Errorf("%+v", pod.Spec.Containers[0].VolumeMounts)
	}
	env := make(map[string]core.EnvVar)
	var order []string // a variable is known to those after it
	for _, v := range pod.Spec.Containers[0].Env {
		env[v.Name], order = v, append(order, v.Name)
	}
	state, err := url.Parse(strings.ReplaceAll(env["SIDECAR_STATE"].Value, "$(REDIS_PASSWORD)", "secret"))
	if password, _ := state.User.Password(); err != nil || password != "secret" || slices.Index(order, "REDIS_PASSWORD") > slices.Index(order, "SIDECAR_STATE") {
		t.Errorf("%v, %q, %v", err, env["SIDECAR_STATE"].Value, order)
	}
	redis, service := objects["StatefulSet redis"].(*apps.StatefulSet), objects["Service "+state.Hostname()].(*core.Service)
	restricted(t, "redis", redis.Spec.Template)
	server := redis.Spec.Template.Spec.Containers[0]
	if *redis.Spec.Replicas != 1 || !strings.Contains(server.Command[2], "--appendonly yes") || !strings.Contains(server.Command[2], "noeviction") ||
		len(redis.Spec.VolumeClaimTemplates) != 1 || *server.Env[0].ValueFrom.SecretKeyRef != *env["REDIS_PASSWORD"].ValueFrom.SecretKeyRef {
		t.Errorf("%+v", redis.Spec)
	}
	for key, value := range service.Spec.Selector {
		if redis.Spec.Template.Labels[key] != value {
			t.Errorf("the service finds no Redis with %s=%s", key, value)
		}
	}
	if port := strconv.Itoa(int(service.Spec.Ports[0].Port)); port != state.Port() {
		t.Errorf("port %s, asked at %s", port, state.Port())
	}
}

// TestKubernetesProxy: what the service offers is where the pod's proxy listens, and the
// pages stay where they were.
func TestKubernetesProxy(t *testing.T) {
	objects := built(t, "kubernetes-proxy")
	pod := objects["Deployment sidecar"].(*apps.Deployment).Spec.Template
	restricted(t, "sidecar", pod)
	container := pod.Spec.Containers[0]
	listens := make(map[string]int32)
	for _, port := range container.Ports {
		listens[port.Name] = port.ContainerPort
	}
	offered := make(map[int32]int32)
	for _, port := range objects["Service sidecar"].(*core.Service).Spec.Ports {
		offered[port.Port] = listens[port.TargetPort.StrVal]
	}
	if !maps.Equal(offered, map[int32]int32{8080: 8080, 6432: 6432}) {
		t.Errorf("offers %v", offered)
	}
	set := slices.ContainsFunc(container.Env, func(v core.EnvVar) bool { return v.Name == "SIDECAR_PROXY_PORT" && v.Value == "6432" })
	if !set || len(container.Env) != 3 || *pod.Spec.TerminationGracePeriodSeconds != 30 {
		t.Errorf("%+v", pod.Spec)
	}
}

func TestKubernetesExamples(t *testing.T) {
	objects := built(t, "kubernetes/examples")
	restricted(t, "worker", objects["Deployment worker"].(*apps.Deployment).Spec.Template)
	own := objects["Deployment reports"].(*apps.Deployment)
	restricted(t, "reports", own.Spec.Template)
	beside := own.Spec.Template.Spec.InitContainers[0]
	if *own.Spec.Replicas != 1 || beside.RestartPolicy == nil || *beside.RestartPolicy != core.ContainerRestartPolicyAlways {
		t.Errorf("%+v", beside)
	}
	if p := beside.StartupProbe; p.HTTPGet.Path != "/readyz" || time.Duration(p.PeriodSeconds*p.FailureThreshold)*time.Second <= longestWindow {
		t.Errorf("a startup probe that ends inside a window: %+v", p)
	}
	job := objects["Job migrate"].(*batch.Job)
	restricted(t, "migrate", job.Spec.Template)
	rule := job.Spec.PodFailurePolicy.Rules[0]
	if rule.Action != batch.PodFailurePolicyActionFailJob || !slices.Equal(rule.OnExitCodes.Values, []int32{78}) || job.Spec.Template.Spec.RestartPolicy != core.RestartPolicyNever {
		t.Errorf("%+v", rule)
	}
}

// TestPrometheusRule: the operator's rules are those of deploy/prometheus; with
// UPDATE set ("make rules") they are written.
func TestPrometheusRule(t *testing.T) {
	const file = "kubernetes/monitoring/prometheusrule.yaml"
	rules, err := os.ReadFile("prometheus/pooler.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	_, groups, _ := strings.Cut(string(rules), "\ngroups:\n")
	var want strings.Builder
	want.WriteString("# Made from deploy/prometheus/pooler.rules.yml by make rules.\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: sidecar}\nspec:\n  groups:\n")
	for line := range strings.Lines(groups) {
		if strings.TrimSpace(line) != "" {
			want.WriteString("  ")
		}
		want.WriteString(line)
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want.String() {
		t.Errorf("%s is not of these rules: make rules (%v)", file, err)
	}
	rule := built(t, "kubernetes/monitoring")["PrometheusRule sidecar"].(*monitoring.PrometheusRule)
	if len(rule.Spec.Groups) == 0 || len(rule.Spec.Groups[0].Rules) < 5 {
		t.Errorf("%+v", rule.Spec)
	}
}
