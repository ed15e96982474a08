package notify

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/outbound"
)

const path = "/services/T0SECRET/B0SECRET/xoxosecretxoxo"

// got is a request as a receiver saw it.
type got struct {
	*http.Request
	body string
}

// receive serves one answer and says what came.
func receive(t *testing.T, secure bool, answer http.HandlerFunc) (*httptest.Server, chan got) {
	t.Helper()
	requests := make(chan got, 10)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- got{r, string(body)}
		answer(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s, requests
}

// leadingTo is a receiver whose host name is that server's.
func leadingTo(s *httptest.Server, url string) Receiver {
	roots := x509.NewCertPool()
	if s.Certificate() != nil {
		roots.AddCert(s.Certificate())
	}
	r := Receiver{URL: dsn.NewSecret(url), Secret: dsn.NewSecret("signing-key"), client: outbound.NewClient(roots)}
	transport := r.client.Transport.(*http.Transport)
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
	}
	transport.TLSClientConfig.ServerName = "example.com" // the certificate's
	return r
}

var message = Message{Lockout, `[prod] LOCKOUT. Wait <until> "15:04:05" & do nothing.`, &health.Readiness{State: "lockout", Key: "9f2c01ab"}, "c0ffee12"}

// TestShapes: each receiver gets its own form, over TLS, and a webhook of one's own
// can tell who has written.
func TestShapes(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	s, requests := receive(t, true, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	const webhookBody = `{"event":"lockout","text":"[prod] LOCKOUT. Wait <until> \"15:04:05\" & do nothing.","status":{"ready":false,"state":"lockout","reason":"","trigger":"","key":"9f2c01ab","retry_at":null,"retry_in_seconds":0,"message":""},"instance":"c0ffee12"}`
	for url, want := range map[string]struct{ kind, body string }{
		"https://hooks.slack.com" + path:            {"slack", `{"text":"[prod] LOCKOUT. Wait &lt;until&gt; \"15:04:05\" &amp; do nothing."}`},
		"https://HOOKS.slack.com:443" + path:        {"slack", `{"text":"[prod] LOCKOUT. Wait &lt;until&gt; \"15:04:05\" &amp; do nothing."}`},
		"https://discord.com/api/webhooks/1/secret": {"discord", `{"allowed_mentions":{"parse":[]},"content":"[prod] LOCKOUT. Wait <until> \"15:04:05\" & do nothing."}`},
		"https://discord.com/elsewhere":             {"webhook", webhookBody},
		"https://hooks.slack.com.example.com/x":     {"webhook", webhookBody},
		"https://example.com/?hooks.slack.com":      {"webhook", webhookBody},
	} {
		r := leadingTo(s, url)
		if answer := r.Post(t.Context(), message); !answer.OK || !strings.HasSuffix(answer.Text, " answered 204 No Content") {
			t.Errorf("%s: %+v", url, answer)
		}
		request := <-requests
		signature := request.Header.Get("X-Sidecar-Signature")
		if r.Kind() != want.kind || request.body != want.body || request.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s\n%s\nwant\n%s", url, r.Kind(), request.body, want.body)
		}
		if (want.kind == "webhook") != (signature == "sha256=8157ed63a5f0e73f19ce6ebc5937fe70a24a2da52342ebfec8b936be0c73e47a") {
			t.Errorf("%s: signed %q", url, signature)
		}
	}
}

// TestLongText: Discord refuses more than 2000 characters.
func TestLongText(t *testing.T) {
	body, err := Message{Text: strings.Repeat("ä", 3000)}.body(discord)
	var sent struct{ Content string }
	if json.Unmarshal(body, &sent); err != nil || len([]rune(sent.Content)) != 2000 {
		t.Errorf("%d characters, %v", len([]rune(sent.Content)), err)
	}
}

// TestAnswers: what comes back in place of a good answer is said in one line, without
// any piece of the URL or the secret, even where the receiver sends them back.
func TestAnswers(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	says := func(code int, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			io.WriteString(w, strings.ReplaceAll(body, "URL", r.URL.Path))
		}
	}
	hangs := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for _, test := range []struct {
		answer http.HandlerFunc
		want   string
		after  time.Duration
	}{
		{says(200, "ok"), "answered 200 OK", 0},
		{says(404, "no_service"), "answered 404 Not Found (no_service)", 0},
		{says(404, "xoxosecretxoxo"), "answered 404 Not Found", 0},
		{says(404, "b_secret_c"), "answered 404 Not Found", 0},
		{says(400, "URL"), "answered 400 Bad Request", 0},
		{says(500, strings.Repeat("URL", 100000)), "answered 500 Internal Server Error", 0},
		{says(429, "", "Retry-After", "17"), "answered 429 Too Many Requests", 17 * time.Second},
		{says(429, "", "Retry-After", "99999999999999999999"), "answered 429 Too Many Requests", mostAfter},
		{says(503, "", "Retry-After", "-5"), "answered 503 Service Unavailable", 0},
		{says(503, "", "Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"), "answered 503 Service Unavailable", mostAfter},
		{says(302, "", "Location", elsewhere.URL), "answered 302 Found, which is not followed", 0},
		{says(308, "", "Location", elsewhere.URL+"/URL"), "answered 308 Permanent Redirect, which is not followed", 0},
		{hangs, "did not answer: no answer in time", 0},
	} {
		s, _ := receive(t, false, test.answer)
		r := Receiver{URL: dsn.NewSecret(s.URL + path + "?token=b_secret_c"), Secret: dsn.NewSecret("signing-key"), Patience: 300 * time.Millisecond}
		got := r.Post(t.Context(), message)
		if got.Text != "127.0.0.1 "+test.want || got.After != test.after || got.OK != strings.Contains(test.want, "200") {
			t.Errorf("%+v, want %s, %s", got, test.want, test.after)
		}
		if all := fmt.Sprintf("%v %+v %#v", r, r, got); strings.Contains(all, "secret") || strings.Contains(all, "SECRET") || strings.Contains(all, "signing") {
			t.Errorf("shows a secret: %s", all)
		}
	}
}

// TestUnreachable: nobody there, a certificate that nobody trusts, no TLS, bytes that
// are no answer.
func TestUnreachable(t *testing.T) {
	gone, _ := receive(t, false, nil)
	gone.Close()
	secure, _ := receive(t, true, nil)
	plain, _ := receive(t, false, nil)
	noise, _ := receive(t, false, func(w http.ResponseWriter, r *http.Request) {
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			io.WriteString(conn, r.URL.Path+"\r\n\r\n")
			conn.Close()
		}
	})
	for url, want := range map[string]string{
		gone.URL:   "127.0.0.1 did not answer: connection refused",
		secure.URL: "127.0.0.1 did not answer: its certificate is not to be trusted: nobody we trust has signed it",
		strings.Replace(plain.URL, "http:", "https:", 1): "127.0.0.1 did not answer: no TLS is spoken there",
		noise.URL:                   "127.0.0.1 did not answer: what came back is no answer over HTTP",
		"http://\x7f/":              "SIDECAR_NOTIFY_URL cannot be asked",
		"https://user:pw@127.0.0.1": "127.0.0.1 did not answer: connection refused",
	} {
		if got := (Receiver{URL: dsn.NewSecret(url + path)}).Post(t.Context(), message); got.OK || got.Text != strings.TrimSpace(want) && !strings.Contains(url, "\x7f") {
			t.Errorf("%q, want %q", got.Text, want)
		}
	}
}
