package health

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// handlers answers every route from one source.
type handlers struct {
	source  Source
	started time.Time
	health  cached
	readyz  cached
	metrics http.Handler
}

// reader is a handler that reports its status code, for the request counter.
type reader func(w http.ResponseWriter, r *http.Request) int

// NewHandler returns all routes (docs/http.md#routes). GET and HEAD are alike; any
// other method is refused.
func NewHandler(source Source) http.Handler {
	requests := newRequests(source.Log)
	h := &handlers{
		source:  source,
		started: cmp.Or(source.Started, time.Now()),
		health:  cached{render: liveness},
		readyz:  cached{render: plainReadiness},
		metrics: promhttp.HandlerFor(newRegistry(source, requests), promhttp.HandlerOpts{EnableOpenMetrics: true}),
	}
	router := chi.NewRouter()
	router.Use(bounded)
	for path, answer := range map[string]reader{
		"/health":   h.alive,
		"/livez":    h.alive,
		"/readyz":   h.ready,
		"/status":   h.showStatus,
		"/metrics":  h.showMetrics,
		"/":         h.page,
		"/page.css": h.style,
		"/page.js":  h.script,
		"/runbook":  h.runbook,
	} {
		counted := requests.counted(path, answer)
		router.Get(path, counted)
		router.Head(path, counted)
	}
	refuse := func(w http.ResponseWriter, _ *http.Request) int {
		w.Header().Set("Allow", "GET, HEAD")
		return fail(w, http.StatusMethodNotAllowed, "only GET and HEAD")
	}
	router.MethodNotAllowed(requests.counted(otherPath, refuse))
	router.NotFound(requests.counted(otherPath, func(w http.ResponseWriter, r *http.Request) int {
		if r.Method != http.MethodGet && r.Method != http.MethodHead { // OPTIONS * is on no path
			return refuse(w, r)
		}
		return fail(w, http.StatusNotFound, "no such page; there are /, /health, /livez, /readyz, /runbook, /status and /metrics")
	}))
	return router
}

// maxBody bounds a request's body; no route reads one.
const maxBody = 1 << 10

// bounded sets what every answer has in common.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header["Cache-Control"] = noStore
		header["X-Content-Type-Options"] = noSniff
		if r.ContentLength != 0 {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		}
		next.ServeHTTP(w, r)
	})
}

// Liveness is the body of /health. It says warn, with a 200, when the database
// is not ready: the process is well all the same (docs/facts.md#head-and-health).
type Liveness struct {
	Status string `json:"status"`
	State  string `json:"state"`
}

// alive answers /health and /livez.
func (h *handlers) alive(w http.ResponseWriter, _ *http.Request) int {
	return h.health.write(w, h.source.Snapshot(), time.Now())
}

// showMetrics answers /metrics.
func (h *handlers) showMetrics(w http.ResponseWriter, r *http.Request) int {
	seen := &codeWriter{ResponseWriter: w, code: http.StatusOK}
	h.metrics.ServeHTTP(seen, r)
	return seen.code
}

// codeWriter remembers the status code. (chi's middleware does too, and links the
// profiler into the binary.)
type codeWriter struct {
	http.ResponseWriter
	code int
}

func (w *codeWriter) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// allowed reports whether the request carries the token, if one is set: as
// Bearer, or as the password of any user. Hashes are compared, in equal time.
func (h *handlers) allowed(r *http.Request) bool {
	token := h.source.Token.Reveal()
	if token == "" {
		return true
	}
	_, given, basic := r.BasicAuth()
	if !basic {
		scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return false
		}
		given = strings.TrimSpace(rest)
	}
	got, want := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

func unauthorized(w http.ResponseWriter) int {
	w.Header()["Www-Authenticate"] = []string{`Basic realm="sidecar"`, "Bearer"}
	return fail(w, http.StatusUnauthorized, "this page needs the token of SIDECAR_TOKEN")
}
