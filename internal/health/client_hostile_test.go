package health

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/printable"
)

// says is a server that answers every page with a code and a body.
func says(t *testing.T, code int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestContradictions: code, ready and state have to agree, else there is no answer.
func TestContradictions(t *testing.T) {
	for _, c := range []struct {
		code   int
		body   string
		stable time.Duration
		ok     bool
	}{
		{200, `{"ready":true,"state":"ready"}`, 0, true},
		{503, `{"ready":false,"state":"lockout","retry_in_seconds":60}`, 0, true},
		{503, `{"ready":false,"state":"a new one"}`, 0, true},
		{503, `{"ready":false,"state":"ready"}`, time.Second, true},
		{503, `{"ready":false,"state":"ready"}`, 0, false},
		{503, `{"ready":true,"state":"ready"}`, 0, false},
		{200, `{"ready":false,"state":"ready"}`, time.Second, false},
		{200, `{"ready":true,"state":"lockout"}`, 0, false},
		{200, `{"ready":true,"state":"stopping"}`, 0, false},
		{200, `{"ready":false,"state":"lockout"}`, 0, false},
		{200, `{"ready":true}`, 0, false},
		{200, `{"ready":"true","state":"ready"}`, 0, false},
		{200, `{"ready":true,"state":"ready"} trailing`, 0, false},
		{200, `[]`, 0, false},
		{200, `null`, 0, false},
		{200, `<html>ready</html>`, 0, false},
		{200, "", 0, false},
		{503, "", 0, false},
		{204, "", 0, false},
		{404, `{"ready":true,"state":"ready"}`, 0, false},
		{302, `{"ready":true,"state":"ready"}`, 0, false},
		{200, `{"ready":true,"state":"ready","message":"` + strings.Repeat("x", maxAnswer) + `"}`, 0, false},
		{200, strings.Repeat("[", maxAnswer), 0, false},
	} {
		_, err := Client{URL: says(t, c.code, c.body), Stable: c.stable}.Readiness(t.Context())
		none, is := errors.AsType[*NoAnswerError](err)
		if (err == nil) != c.ok || err != nil && (!is || none.Absence != Unlikely) {
			t.Errorf("%d %.60s: %v", c.code, c.body, err)
		}
	}
	for body, ok := range map[string]bool{
		`{"ready":true,"state":"ready"}`:    true,
		`{"ready":true,"state":"stopping"}`: true,
		`{"ready":true,"state":"lockout"}`:  false,
		`{"ready":true}`:                    false,
	} {
		if _, err := (Client{URL: says(t, 200, body)}).Status(t.Context()); (err == nil) != ok {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestAbsence: who is not there, who does not answer, and who is somebody else are told
// apart.
func TestAbsence(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() }) // the kernel takes connections for it
	hangsUp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hangsUp.Close() })
	go func() {
		for conn, err := hangsUp.Accept(); err == nil; conn, err = hangsUp.Accept() {
			conn.Close()
		}
	}()
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"ready":`)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(slow.Close)
	nobody := httptest.NewServer(nil)
	nobody.Close()
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for err := error(nil); err == nil; {
			_, err = w.Write(make([]byte, 1<<16))
		}
	}))
	t.Cleanup(endless.Close)
	for name, c := range map[string]struct {
		url   string
		want  Absence
		words string
	}{
		"nobody":  {nobody.URL, Nobody, "no sidecar answers at " + nobody.URL},
		"silent":  {"http://u:secret@" + silent.Addr().String(), Silent, "no sidecar answers at http://u:xxxxx@" + silent.Addr().String() + ", though connections are taken there"},
		"hangs":   {"http://" + hangsUp.Addr().String(), Silent, ", though connections are taken there"},
		"slow":    {slow.URL, Silent, ", though connections are taken there"},
		"endless": {endless.URL, Unlikely, "no sidecar answers at " + endless.URL + ", but something else does"},
		"no name": {"http://no-such-host.invalid:8080", Nobody, "no sidecar answers at http://no-such-host.invalid:8080"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			_, err := Client{URL: c.url}.Readiness(t.Context())
			none, is := errors.AsType[*NoAnswerError](err)
			if !is || none.Absence != c.want || !strings.Contains(Unanswered(err), c.words) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v", err)
			}
			if took := time.Since(begun); took > clientTimeout+2*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

// TestNoDetours: neither a proxy nor a redirect gets the question or the token, and
// only /status gets the token.
func TestNoDetours(t *testing.T) {
	var detours atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		detours.Add(1)
		io.WriteString(w, `{"ready":true,"state":"ready"}`)
	}))
	defer other.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
		t.Setenv(name, other.URL)
	}
	tokens := make(map[string]string)
	sidecar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tokens[r.URL.Path] = r.Header.Get("Authorization")
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	defer sidecar.Close()
	at, _ := url.Parse(sidecar.URL)
	for _, base := range []string{sidecar.URL, "http://user:word@" + at.Host} {
		// A name keeps the exception for loopback from hiding the proxy.
		c := Client{URL: strings.Replace(base, "127.0.0.1", "sidecar.example", 1), Address: "127.0.0.1", Token: dsn.NewSecret("tok-en")}
		if base != sidecar.URL {
			c.Token = dsn.Secret{}
		}
		for page, ask := range map[string]func() error{
			"/readyz": func() error { _, err := c.Readiness(t.Context()); return err },
			"/status": func() error { _, err := c.Status(t.Context()); return err },
			"/health": func() error { return c.Alive(t.Context()) },
		} {
			delete(tokens, page)
			if err := ask(); err == nil {
				t.Errorf("%s: a redirect is an answer", page)
			}
			if sent, asked := tokens[page]; !asked || (sent != "") != (page == "/status") {
				t.Errorf("%s: asked %t, with %q", page, asked, sent)
			}
		}
	}
	if n := detours.Load(); n != 0 {
		t.Errorf("%d detours", n)
	}
}

// TestAnswersArePrintable: nothing in an answer moves a cursor, begins a line or turns
// text around; JSON that is passed on is escaped.
func TestAnswersArePrintable(t *testing.T) {
	const evil = "\\u001b[2J\\u001b]0;pwn\\u0007\\nsidecar: error: forged\u202e\u009b31m\U000e0041"
	fields := `"message":"` + evil + `","reason":"` + evil + `","key":"` + evil + `"`
	ready, err := Client{URL: says(t, 503, `{"ready":false,"state":"retrying",`+fields+`}`)}.Readiness(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	status, text, err := Client{URL: says(t, 200, "{\r\n\"ready\":false,\"state\":\"x"+evil+`","advice":"a","history":[{"from":"`+evil+`"}],"last_attempt":{"message":"`+evil+`"},"guard":{"findings":[{"message":"`+evil+`"}]},`+fields+`}`)}.StatusJSON(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{ready.Message, ready.Reason, ready.Key, status.State, status.History[0].From, status.LastAttempt.Message, status.Guard.Findings[0].Message, string(text)} {
		if words == "" || strings.ContainsFunc(words, printable.Hidden) {
			t.Errorf("%q", words)
		}
	}
	if !strings.Contains(string(text), `\u202e\u009b31m\udb40\udc41`) {
		t.Errorf("%s", text)
	}
}

// TestAnswersAreBounded: no time in an answer is beyond what sums and JSON can hold.
func TestAnswersAreBounded(t *testing.T) {
	const never = "9999-12-31T23:59:59-23:00"
	body := fmt.Sprintf(`{"ready":false,"state":"lockout","since":%q,"retry_at":%q,"retry_in_seconds":4611686018427387904,"last_attempt":{"at":%q},"last_success_at":%q,"history":[{"at":%q}]}`, never, never, never, never, never)
	status, err := Client{URL: says(t, 200, body)}.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	limit := time.Now().Add(farthest)
	for name, at := range map[string]time.Time{"since": status.Since, "retry_at": *status.RetryAt, "attempt": status.LastAttempt.At, "success": *status.LastSuccessAt, "history": status.History[0].At} {
		if at.After(limit) {
			t.Errorf("%s: %s", name, at)
		}
	}
	if status.RetryInSeconds != int64(farthest/time.Second) {
		t.Errorf("retry in %d", status.RetryInSeconds)
	}
	in := time.Now().Add(time.Minute).UTC().Format(time.RFC3339)
	ready, err := Client{URL: says(t, 503, fmt.Sprintf(`{"ready":false,"state":"lockout","retry_at":%q,"retry_in_seconds":-5}`, in))}.Readiness(t.Context())
	if err != nil || ready.RetryInSeconds < 58 || ready.RetryInSeconds > 60 {
		t.Errorf("%d seconds, %v", ready.RetryInSeconds, err)
	}
	for _, at := range []string{"", `,"retry_at":null`} {
		ready, err := Client{URL: says(t, 503, `{"ready":false,"state":"lockout","retry_in_seconds":60`+at+`}`)}.Readiness(t.Context())
		if err != nil || ready.RetryAt == nil || time.Until(*ready.RetryAt) < 58*time.Second {
			t.Errorf("%q: until %v, %v", at, ready.RetryAt, err)
		}
	}
}
