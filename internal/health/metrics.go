package health

import (
	"cmp"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("pooler_"+name, help, labels, nil)
}

// The metrics, in docs/metrics.md.
var (
	readyDesc        = desc("ready", "1 when the database answered the last time it counted.")
	stateDesc        = desc("state", "1 for the present state, 0 for every other.", "state")
	lockoutsDesc     = desc("lockouts_total", "Windows opened, by what opened them.", "trigger")
	loginsDesc       = desc("logins_total", "Logins (startup messages sent), by what they ended with.", "reason")
	durationDesc     = desc("login_duration_seconds", "Duration of a login with its query.")
	retryDesc        = desc("retry_timestamp_seconds", "Unix time of the next attempt; 0 while ready or when there is none.")
	windowDesc       = desc("window_seconds", "Length of the present window; 0 outside one.")
	successDesc      = desc("last_success_timestamp_seconds", "Unix time of the last success; 0 before the first.")
	attemptDesc      = desc("last_attempt_timestamp_seconds", "Unix time of the last probe; 0 before the first.")
	sinceDesc        = desc("state_since_timestamp_seconds", "Unix time at which the present state began.")
	failuresDesc     = desc("consecutive_failures", "Failed probes in a row.")
	violationsDesc   = desc("window_violations_total", "Connections opened inside a window; must stay 0.")
	localDesc        = desc("local_faults_total", "Probes that a fault of our own broke off, such as no free descriptor; they say nothing about the database.")
	waiverDesc       = desc("waiver_active", "1 while a waiver for the direct connection is in force.")
	waiverExpiryDesc = desc("waiver_expiry_timestamp_seconds", "Unix time at which the waiver ends; 0 without one.")
	dsnDesc          = desc("dsn_info", "The DSN in use, without its secrets.", "pooler_mode", "port", "sslmode", "password_encoding", "project_ref")
	guardDesc        = desc("guard_ok", "1 when the DSN guard accepts the DSN now.")
	storeDesc        = desc("store_healthy", "1 when the deadline can be stored.")
	proxiedDesc      = desc("proxy_connections_total", "Connections that came to the proxy, by what became of them.", "result")
	proxyOpenDesc    = desc("proxy_open_connections", "Connections that the proxy relays now.")
	proxyRefusedDesc = desc("proxy_refused_logins_total", "Logins through the proxy that the pooler refused while the sidecar was ready.")
	notifiedDesc     = desc("notifications_total", "Messages to people: sent, given up, and tries after the first.", "result")
	fleetLeaderDesc  = desc("fleet_leader", "1 when this sidecar leads its fleet; 0 when it follows, or has none.")
	fleetMembersDesc = desc("fleet_members", "Sidecars that share the store for this key; 0 without a fleet.")
	fleetAgeDesc     = desc("fleet_verdict_age_seconds", "How old the leader's verdict is that a follower shows; 0 for who asks itself.")
	buildDesc        = desc("build_info", "The binary that runs.", "version", "commit", "goversion")
)

// collector reads one snapshot a scrape, so that all values of a scrape agree.
type collector struct{ source Source }

func newRegistry(source Source, requests *requests) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collector{source},
		requests.total,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return registry
}

// Describe implements prometheus.Collector.
func (c collector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		readyDesc, stateDesc, lockoutsDesc, loginsDesc, durationDesc, retryDesc, windowDesc, successDesc,
		attemptDesc, sinceDesc, failuresDesc, violationsDesc, localDesc, waiverDesc, waiverExpiryDesc, dsnDesc, guardDesc,
		storeDesc, fleetLeaderDesc, fleetMembersDesc, fleetAgeDesc, proxiedDesc, proxyOpenDesc, proxyRefusedDesc, notifiedDesc, buildDesc,
	} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(metrics chan<- prometheus.Metric) {
	now := time.Now()
	s := c.source.Snapshot()
	report := s.Report(now)
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	counter := func(d *prometheus.Desc, value uint64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}

	gauge(readyDesc, number(s.Ready()))
	for _, state := range machine.States {
		gauge(stateDesc, number(state == shownState(s)), string(state))
	}
	for trigger, n := range s.Lockouts {
		counter(lockoutsDesc, n, string(trigger))
	}
	for reason, n := range s.Logins {
		counter(loginsDesc, n, string(reason))
	}
	buckets := make(map[float64]uint64, len(supervisor.LatencyBounds))
	for i, bound := range supervisor.LatencyBounds {
		buckets[bound] = s.Latency.Buckets[i]
	}
	metrics <- prometheus.MustNewConstHistogram(durationDesc, s.Latency.Count, s.Latency.Sum, buckets)

	gauge(retryDesc, unix(s.RetryTime(now)))
	gauge(windowDesc, s.Window().Seconds())
	gauge(successDesc, unix(s.LastSuccess))
	gauge(attemptDesc, unix(s.Attempt.At))
	gauge(sinceDesc, unix(s.Since))
	gauge(failuresDesc, float64(s.Failures))
	proxy := c.source.proxy()
	if proxy == nil {
		proxy = new(StatusProxy)
	}
	counter(violationsDesc, s.Violations+proxy.Violations)
	for _, result := range proxyResults {
		counter(proxiedDesc, proxy.Results[result], result)
	}
	gauge(proxyOpenDesc, float64(proxy.Connections))
	counter(proxyRefusedDesc, proxy.Refused)
	counter(localDesc, s.LocalFaults)

	active := report.Waiver.Status == dsn.WaiverActive || report.Waiver.Status == dsn.WaiverExpiring
	gauge(waiverDesc, number(active))
	gauge(waiverExpiryDesc, unix(report.Waiver.Expires))
	gauge(dsnDesc, 1, string(report.DSN.Mode), strconv.Itoa(int(report.DSN.Port)), report.DSN.SSLMode,
		string(report.DSN.Encoding), report.DSN.ProjectRef)
	gauge(guardDesc, number(report.Valid()))
	gauge(storeDesc, number(!s.Unstored))
	told := c.source.notifications()
	counter(notifiedDesc, told.Sent, "sent")
	counter(notifiedDesc, told.Retried, "retried")
	counter(notifiedDesc, told.Failed, "failed")
	leads, members := fleetNumbers(s)
	gauge(fleetLeaderDesc, leads)
	gauge(fleetMembersDesc, members)
	age, _ := s.VerdictAge(now)
	gauge(fleetAgeDesc, age.Seconds())
	gauge(buildDesc, 1, c.source.Build.Version, c.source.Build.Commit, c.source.Build.Go)
}

// proxyResults are what can become of a connection that comes to the proxy.
var proxyResults = []string{"relayed", "closed", "budget", "held", "failed"}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

// otherPath stands for every path that is not a route.
const otherPath = "other"

// otherCode stands for every status code that a route is not known to answer with,
// such as one that a library has learned to give.
const otherCode = "other"

// requests counts answers by route and status code: closed sets, all present
// from the start.
type requests struct {
	total *prometheus.CounterVec
	log   *slog.Logger
}

func newRequests(log *slog.Logger) *requests {
	r := &requests{log: cmp.Or(log, slog.New(slog.DiscardHandler)), total: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pooler_http_requests_total",
		Help: "HTTP requests answered, by route and status code.",
	}, []string{"path", "code"})}
	for path := range routeCodes {
		r.counters(path)
	}
	return r
}

// routeCodes are the status codes that each route can answer with.
var routeCodes = map[string][]int{
	"/health":   {http.StatusOK},
	"/livez":    {http.StatusOK},
	"/readyz":   {http.StatusOK, http.StatusBadRequest, http.StatusServiceUnavailable},
	"/status":   {http.StatusOK, http.StatusUnauthorized},
	"/metrics":  {http.StatusOK, http.StatusUnauthorized, http.StatusInternalServerError},
	"/":         {http.StatusOK, http.StatusUnauthorized},
	"/page.css": {http.StatusOK},
	"/page.js":  {http.StatusOK},
	"/runbook":  {http.StatusOK, http.StatusUnauthorized},
	otherPath:   {http.StatusNotFound, http.StatusMethodNotAllowed},
}

// counters are those of a route: one for each of its codes, one for every other.
func (r *requests) counters(path string) (known map[int]prometheus.Counter, other prometheus.Counter) {
	known = make(map[int]prometheus.Counter, len(routeCodes[path]))
	for _, code := range routeCodes[path] {
		known[code] = r.total.WithLabelValues(path, strconv.Itoa(code))
	}
	return known, r.total.WithLabelValues(path, otherCode)
}

// counted wraps a reader so that its answers are counted, and logged at debug: by their
// route, since the path itself is the asker's.
func (r *requests) counted(path string, answer reader) http.HandlerFunc {
	known, other := r.counters(path)
	return func(w http.ResponseWriter, req *http.Request) {
		begun := time.Now()
		code := answer(w, req)
		counter, ok := known[code]
		if !ok {
			counter = other
		}
		counter.Inc()
		if r.log.Enabled(req.Context(), slog.LevelDebug) {
			r.log.Debug("request", "method", req.Method, "path", path, "code", code, "client", req.RemoteAddr, "took_us", time.Since(begun).Microseconds())
		}
	}
}
