package health

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"dragonfly.internal/sidecar/internal/dsn"
)

// handlers answers every route from one source.
type handlers struct {
	source  Source
	started time.Time
	health  cached
	readyz  cached
	metrics http.Handler

	gathering sync.Mutex // one scrape at a time: each is a hundred times its own text

	machines map[string]http.HandlerFunc // what machines ask all day, without a router
	pages    chi.Router                  // the rest
}

// reader is a handler that reports its status code, for the request counter.
type reader func(w http.ResponseWriter, r *http.Request) int

// NewHandler returns all routes (docs/http.md#routes). GET and HEAD are alike; any
// other method is refused.
func NewHandler(source Source) http.Handler {
	requests := newRequests(source.Log)
	h := &handlers{
		source:   source,
		started:  cmp.Or(source.Started, time.Now()),
		health:   cached{render: liveness},
		readyz:   cached{render: plainReadiness},
		metrics:  promhttp.HandlerFor(newRegistry(source, requests), promhttp.HandlerOpts{EnableOpenMetrics: true}),
		machines: map[string]http.HandlerFunc{},
		pages:    chi.NewRouter(),
	}
	for path, answer := range map[string]reader{"/health": h.alive, "/livez": h.alive, "/readyz": h.ready} {
		h.machines[path] = requests.counted(path, answer)
		h.pages.Get(path, h.machines[path]) // so that another method is refused, and not unknown
	}
	for path, answer := range map[string]reader{
		"/status":   h.showStatus,
		"/metrics":  h.showMetrics,
		"/":         h.page,
		"/page.css": h.style,
		"/page.js":  h.script,
		"/runbook":  h.runbook,
	} {
		counted := requests.counted(path, answer)
		h.pages.Get(path, counted)
		h.pages.Head(path, counted)
	}
	h.pages.MethodNotAllowed(requests.counted(otherPath, refuse))
	h.pages.NotFound(requests.counted(otherPath, notFound))
	return h
}

// ServeHTTP answers what machines ask before the router, which would cost more than
// the answer. A path that is written in another way than its name is no page.
func (h *handlers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header["Cache-Control"] = noStore
	if r.ContentLength != 0 {
		header["Connection"] = closed // no page reads a body, and none is waited for
	}
	answer := h.machines[r.URL.Path]
	if answer == nil || r.URL.RawPath != "" || r.Method != http.MethodGet && r.Method != http.MethodHead {
		answer = h.pages.ServeHTTP
	}
	answer(w, r)
}

func refuse(w http.ResponseWriter, _ *http.Request) int {
	w.Header()["Allow"] = []string{"GET, HEAD"}
	return fail(w, http.StatusMethodNotAllowed, "only GET and HEAD")
}

func notFound(w http.ResponseWriter, r *http.Request) int {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return refuse(w, r)
	}
	return fail(w, http.StatusNotFound, "no such page; there are /, /health, /livez, /readyz, /runbook, /status and /metrics")
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
	if given, bearer := bearer(r); !h.source.MetricsToken.IsZero() && !(bearer && matches(given, h.source.MetricsToken)) {
		return unauthorized(w, "SIDECAR_METRICS_TOKEN", "Bearer")
	}
	w.Header()["X-Content-Type-Options"] = noSniff
	answer := h.gather(w.Header(), r)
	w.WriteHeader(answer.code)
	w.Write(answer.body.Bytes())
	return answer.code
}

func (h *handlers) gather(header http.Header, r *http.Request) *buffered {
	h.gathering.Lock()
	defer h.gathering.Unlock()
	answer := &buffered{header: header, code: http.StatusOK}
	h.metrics.ServeHTTP(answer, r)
	return answer
}

// buffered keeps an answer until it is whole: one that is written as it is made lives
// for as long as its reader likes, with all that it was made from.
type buffered struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (b *buffered) Header() http.Header         { return b.header }
func (b *buffered) Write(p []byte) (int, error) { return b.body.Write(p) }
func (b *buffered) WriteHeader(code int)        { b.code = code }

// allowed reports whether the request carries the token, if one is set: as
// Bearer, or as the password of any user.
func (h *handlers) allowed(r *http.Request) bool {
	if h.source.Token.IsZero() {
		return true
	}
	if _, given, basic := r.BasicAuth(); basic {
		return matches(given, h.source.Token)
	}
	given, is := bearer(r)
	return is && matches(given, h.source.Token)
}

// bearer is the token of the Authorization header, if there is one of that kind.
func bearer(r *http.Request) (token string, is bool) {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(rest), strings.EqualFold(scheme, "Bearer")
}

// matches compares hashes in equal time, so that nobody learns of a token by asking.
func matches(given string, token dsn.Secret) bool {
	got, want := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token.Reveal()))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

func unauthorized(w http.ResponseWriter, variable string, ways ...string) int {
	w.Header()["Www-Authenticate"] = ways
	return fail(w, http.StatusUnauthorized, "this page needs the token of "+variable)
}

// statusUnauthorized refuses /, /runbook and /status.
func statusUnauthorized(w http.ResponseWriter) int {
	return unauthorized(w, "SIDECAR_TOKEN", `Basic realm="sidecar"`, "Bearer")
}
