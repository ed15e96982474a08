package health

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
)

// TestTokens: each token opens its own pages, in the ways that docs/http.md names, and
// what platforms ask is open.
func TestTokens(t *testing.T) {
	h := at(readySince(time.Minute), "status-token").(*handlers)
	h.source.MetricsToken = dsn.NewSecret("metrics-token")
	basic := func(password string) string {
		r, _ := http.NewRequest("GET", "/", nil)
		r.SetBasicAuth("any", password)
		return r.Header.Get("Authorization")
	}
	for _, c := range []struct {
		path, authorization string
		code                int
	}{
		{"/health", "", 200}, {"/livez", "", 200}, {"/readyz", "", 200}, {"/readyz?verbose", "", 200},
		{"/status", "", 401}, {"/", "", 401}, {"/metrics", "", 401},
		{"/status", "Bearer status-token", 200}, {"/status", "bearer  status-token ", 200}, {"/status", basic("status-token"), 200}, {"/", basic("status-token"), 200},
		{"/status", "Bearer status-toke", 401}, {"/status", "Bearer ", 401}, {"/status", "Bearer", 401}, {"/status", "status-token", 401}, {"/status", basic(""), 401},
		{"/status", "Bearer metrics-token", 401}, {"/metrics", "Bearer status-token", 401},
		{"/metrics", "Bearer metrics-token", 200}, {"/metrics", "BEARER metrics-token", 200}, {"/metrics", basic("metrics-token"), 401}, {"/metrics", "Bearer metrics", 401},
	} {
		w := ask(h, "GET", c.path, "Authorization", c.authorization)
		challenge := strings.Join(w.Header()["Www-Authenticate"], ",")
		if w.Code != c.code || (challenge != "") != (c.code == 401) || strings.Contains(challenge, "Basic") != (c.code == 401 && c.path != "/metrics") {
			t.Errorf("%s with %q: %d, %q", c.path, c.authorization, w.Code, challenge)
		}
	}
}

// TestHeaders: JSON has what a machine needs; text and HTML also say what they are; the
// connection of a request with a body ends.
func TestHeaders(t *testing.T) {
	h := at(inWindow(time.Minute), "")
	for path, sniff := range map[string]bool{"/health": false, "/readyz": false, "/readyz?stable=1s": false, "/status": false, "/": true, "/metrics": true, "/readyz?verbose": true, "/none": true} {
		header := ask(h, "GET", path).Header()
		if header.Get("Cache-Control") != "no-store" || (header.Get("X-Content-Type-Options") == "nosniff") != sniff || header.Get("Connection") != "" {
			t.Errorf("%s: %v", path, header)
		}
	}
	r, _ := http.NewRequest("GET", "/health", strings.NewReader("body"))
	w := ask(h, "GET", "/health")
	h.ServeHTTP(w, r)
	if w.Header().Get("Connection") != "close" {
		t.Errorf("%v", w.Header())
	}
}
