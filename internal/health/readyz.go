package health

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Readiness is the body of /readyz: no host, user or ref in it, so that it may
// be public.
type Readiness struct {
	Ready          bool       `json:"ready"`
	State          string     `json:"state"`
	Reason         string     `json:"reason"`
	Trigger        string     `json:"trigger"`
	Key            string     `json:"key"`
	RetryAt        *time.Time `json:"retry_at"`
	RetryInSeconds int64      `json:"retry_in_seconds"`
	Message        string     `json:"message"`
	VerdictAge     *int64     `json:"verdict_age_seconds,omitempty"` // of the fleet's verdict that a follower shows
}

// maxRetryAfter caps the Retry-After header: clients sleep for as long as it
// says, several times over (docs/facts.md#retry-after). The body has the true time.
const maxRetryAfter = 30

// ReadinessAt is what /readyz says of a snapshot at that time.
func ReadinessAt(s *supervisor.Snapshot, now time.Time) Readiness { return readiness(s, now, 0) }

// readiness is what /readyz says at that time about a database that has to have
// been ready for stable.
func readiness(s *supervisor.Snapshot, now time.Time, stable time.Duration) Readiness {
	r := Readiness{
		Ready:          s.Ready(),
		State:          string(s.State),
		Reason:         string(s.Reason),
		Trigger:        string(s.Trigger),
		Key:            s.Target.Key,
		RetryAt:        timePointer(s.RetryTime(now)),
		RetryInSeconds: machine.CeilSeconds(s.Remaining(now)),
		Message:        s.Message(now),
		VerdictAge:     verdictAge(s, now),
	}
	if missing := stable - now.Sub(s.Since); r.Ready && missing > 0 {
		r.Ready = false
		r.RetryInSeconds = machine.CeilSeconds(missing)
		r.RetryAt = timePointer(now.Add(missing + time.Second - 1).UTC().Truncate(time.Second))
		r.Message = fmt.Sprintf("Ready, but not yet for %s: %ds more.", stable, r.RetryInSeconds)
	}
	return r
}

func timePointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// ready answers /readyz.
func (h *handlers) ready(w http.ResponseWriter, r *http.Request) int {
	if r.URL.RawQuery == "" {
		return h.readyz.write(w, h.source.Snapshot(), time.Now())
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fail(w, http.StatusBadRequest, "the query string cannot be read")
	}
	var stable time.Duration
	if query.Has("stable") {
		if stable, err = machine.ParseSpan(query.Get("stable")); err != nil || len(query["stable"]) > 1 {
			return fail(w, http.StatusBadRequest, "stable: want one span of time such as 30s")
		}
	}
	now := time.Now()
	snapshot := h.source.Snapshot()
	body := readiness(snapshot, now, stable)
	code, after := readyCode(body)
	setRetryAfter(w.Header(), after)
	if query.Has("verbose") {
		return writeText(w, code, h.verbose(snapshot, body, now))
	}
	return writeJSON(w, code, body)
}

// readyCode returns the status code of a verdict and its Retry-After, if any.
func readyCode(body Readiness) (code int, after []string) {
	if body.Ready {
		return http.StatusOK, nil
	}
	seconds := int64(maxRetryAfter)
	if body.RetryAt != nil {
		seconds = min(max(body.RetryInSeconds, 1), maxRetryAfter)
	}
	return http.StatusServiceUnavailable, retryAfter[seconds-1 : seconds]
}

func setRetryAfter(header http.Header, after []string) {
	if after != nil {
		header["Retry-After"] = after
	}
}

// retryAfter holds the header's possible values, so that none is made anew.
var retryAfter = func() (values [maxRetryAfter]string) {
	for i := range values {
		values[i] = strconv.Itoa(i + 1)
	}
	return values
}()

// verbose lists one check a line, as Kubernetes' own endpoints do.
func (h *handlers) verbose(s *supervisor.Snapshot, body Readiness, now time.Time) string {
	var b strings.Builder
	check := func(name string, ok bool, why string) {
		if ok {
			fmt.Fprintf(&b, "[+]%s ok\n", name)
			return
		}
		fmt.Fprintf(&b, "[-]%s: %s\n", name, why)
	}
	configured := s.State != machine.Misconfigured
	check("config", configured, s.Message(now))
	check("window", s.State != machine.Lockout, s.Message(now))
	check("hold", s.State != machine.Rejected, s.Message(now))
	check("database", s.Ready(), s.Message(now))
	check("stable", body.Ready || !s.Ready(), body.Message)
	check("store", !s.Unstored, "the deadline cannot be stored; a restart would forget it")
	b.WriteString(fleetCheck(s, now))
	if proxy := h.source.proxy(); proxy != nil {
		check("proxy", proxy.Open, "new connections are refused")
	}
	if body.Ready {
		b.WriteString("ready\n")
	} else {
		b.WriteString("not ready\n")
	}
	return b.String()
}
