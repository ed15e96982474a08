package health

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestClient: both verdicts of a sidecar are answers; anything else is none.
func TestClient(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.Handler
		state   string
	}{
		"ready":        {at(readySince(time.Minute), ""), "ready"},
		"window":       {at(inWindow(time.Minute), ""), "lockout"},
		"other server": {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }), ""},
		"other JSON":   {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") }), ""},
		"error":        {http.NotFoundHandler(), ""},
	} {
		server := httptest.NewServer(c.handler)
		got, err := Client{URL: server.URL}.Readiness(t.Context())
		server.Close()
		if got.State != c.state || (err == nil) != (c.state != "") {
			t.Errorf("%s: state %q, %v", name, got.State, err)
		}
	}
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	if _, err := (Client{URL: server.URL}).Readiness(t.Context()); err == nil {
		t.Error("an answer from a closed port")
	}
}
