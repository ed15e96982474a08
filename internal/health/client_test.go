package health

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
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

// TestClientStatus: the answer as it came, with the token where one is wanted; a
// wrong one is told from a sidecar that does not answer.
func TestClientStatus(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.Handler
		token   string
		state   string
		want    error
	}{
		"open":        {at(inWindow(time.Minute), ""), "", "lockout", nil},
		"not needed":  {at(inWindow(time.Minute), ""), "unused", "lockout", nil},
		"token":       {at(inWindow(time.Minute), "right"), "right", "lockout", nil},
		"no token":    {at(inWindow(time.Minute), "right"), "", "", ErrToken},
		"wrong token": {at(inWindow(time.Minute), "right"), "wrong", "", ErrToken},
		"other JSON":  {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") }), "", "", errors.New("any")},
		"a list":      {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "[]") }), "", "", errors.New("any")},
	} {
		server := httptest.NewServer(c.handler)
		status, text, err := Client{URL: server.URL, Token: dsn.NewSecret(c.token)}.StatusJSON(t.Context())
		server.Close()
		if status.State != c.state || (err == nil) != (c.want == nil) || errors.Is(err, ErrToken) != (c.want == ErrToken) {
			t.Errorf("%s: state %q, %v", name, status.State, err)
		}
		if err == nil && !strings.HasPrefix(string(text), `{"ready":false,"state":"lockout",`) {
			t.Errorf("%s: came as %s", name, text)
		}
	}
}
