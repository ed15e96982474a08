package health

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor"
)

// Header values are shared slices, so that an answer makes none of its own.
var (
	noStore  = []string{"no-store"}
	closed   = []string{"close"}
	noSniff  = []string{"nosniff"}
	jsonType = []string{"application/json"}
	textType = []string{"text/plain; charset=utf-8"}
	htmlType = []string{"text/html; charset=utf-8"}
)

// cached renders a body at most once a second and once a snapshot: the pages
// that platforms ask all the time cost next to nothing.
type cached struct {
	render func(s *supervisor.Snapshot, now time.Time) (code int, after []string, body any)
	last   atomic.Pointer[rendered]
}

type rendered struct {
	snapshot *supervisor.Snapshot
	second   int64
	code     int
	after    []string
	body     []byte
}

func (c *cached) write(w http.ResponseWriter, s *supervisor.Snapshot, now time.Time) int {
	last := c.last.Load()
	if last == nil || last.snapshot != s || last.second != now.Unix() {
		code, after, body := c.render(s, now)
		last = &rendered{s, now.Unix(), code, after, encode(body)}
		c.last.Store(last)
	}
	setRetryAfter(w.Header(), last.after)
	return write(w, last.code, jsonType, last.body)
}

func liveness(s *supervisor.Snapshot, _ time.Time) (int, []string, any) {
	body := Liveness{Status: "warn", State: string(shownState(s))}
	if s.Ready() {
		body.Status = "pass"
	}
	return http.StatusOK, nil, body
}

func plainReadiness(s *supervisor.Snapshot, now time.Time) (int, []string, any) {
	body := ReadinessAt(s, now)
	code, after := readyCode(body)
	return code, after, body
}

func writeJSON(w http.ResponseWriter, code int, value any) int {
	return write(w, code, jsonType, encode(value))
}

func writeText(w http.ResponseWriter, code int, text string) int {
	return write(w, code, textType, []byte(text))
}

func write(w http.ResponseWriter, code int, kind []string, body []byte) int {
	header := w.Header()
	header["Content-Type"] = kind
	if &kind[0] != &jsonType[0] { // no browser takes JSON for something else
		header["X-Content-Type-Options"] = noSniff
	}
	w.WriteHeader(code)
	w.Write(body)
	return code
}

// fail answers with one line that says what is wrong.
func fail(w http.ResponseWriter, code int, message string) int {
	return writeText(w, code, message+"\n")
}

// encode writes JSON with a final newline, for people with curl. The values are
// this package's own structs, which always encode.
func encode(value any) []byte {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return append(body, '\n')
}
