package health

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"dragonfly.internal/sidecar/internal/supervisor"
)

// TestUnknownCode: an answer with a code that its route is not known to give is
// counted all the same.
func TestUnknownCode(t *testing.T) {
	requests := newRequests(nil)
	serve := requests.counted("/metrics", func(w http.ResponseWriter, _ *http.Request) int {
		w.WriteHeader(http.StatusTeapot)
		return http.StatusTeapot
	})
	serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", nil))
	metrics := httptest.NewRecorder()
	registry := prometheus.NewRegistry()
	registry.MustRegister(requests.total)
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(metrics, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if line := `pooler_http_requests_total{code="other",path="/metrics"} 1`; !strings.Contains(metrics.Body.String(), line) {
		t.Errorf("no %s in %s", line, metrics.Body)
	}
}

// TestCollector: what is collected is what was described, which the registry of the
// tests checks and the product's leaves out.
func TestCollector(t *testing.T) {
	s := readySince(time.Minute)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collector{Source{Snapshot: func() *supervisor.Snapshot { return s }}}, newRequests(nil).total)
	if families, err := registry.Gather(); err != nil || len(families) < 15 {
		t.Errorf("%d families: %v", len(families), err)
	}
}
