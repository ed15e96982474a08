package supabase

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/apisim"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
)

const (
	ref   = "iaketsyhmqbwaabgykux"
	token = "sbp_0123456789abcdef0123456789abcdef01234567"
)

// TestLift: the ban of our own address, or of the one that is named, and no other.
func TestLift(t *testing.T) {
	other := netip.MustParseAddr("198.51.100.9")
	for name, addresses := range map[string][]netip.Addr{"own": nil, "named": {other}} {
		s := apisim.ListenTLS(ref, token, apisim.Requester, other.String())
		defer s.Close()
		roots := x509.NewCertPool()
		roots.AddCert(s.Certificate())
		api := API{Base: s.URL + "/", Token: dsn.NewSecret(token), roots: roots}
		before, err := api.Bans(t.Context(), ref)
		if err != nil || len(before) != 2 {
			t.Fatalf("%v, %v", before, err)
		}
		if err := api.Lift(t.Context(), ref, addresses...); err != nil {
			t.Fatal(err)
		}
		want := []netip.Addr{other}
		if addresses != nil {
			want = []netip.Addr{netip.MustParseAddr(apisim.Requester)}
		}
		if after, err := api.Bans(t.Context(), ref); err != nil || !slices.Equal(after, want) {
			t.Errorf("%s: %v, %v", name, after, err)
		}
	}
}

// TestRefusals: each answer that is none gives one line, and none of them has the
// token in it, even where the peer sends it back.
func TestRefusals(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // nobody takes it
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirect was followed, with %q", r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	s := apisim.Listen(ref, token)
	defer s.Close()
	code := func(n int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(n)
			io.WriteString(w, r.Header.Get("Authorization"))
		}
	}
	says := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusCreated)
			io.WriteString(w, strings.ReplaceAll(text, "TOKEN", r.Header.Get("Authorization")))
		}
	}
	raw := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(conn, strings.ReplaceAll(text, "TOKEN", r.Header.Get("Authorization")))
			conn.Close()
		}
	}
	for _, test := range []struct {
		answer     http.HandlerFunc
		want, hint string
	}{
		{code(401), "answered 401 Unauthorized: it does not take the token in SUPABASE_ACCESS_TOKEN", "account/tokens"},
		{code(403), "answered 403 Forbidden: the token may not do this in project " + ref, "database_network_bans_read"},
		{code(404), "answered 404 Not Found: it knows no project " + ref, "organization"},
		{code(429), "answered 429 Too Many Requests: more than 120 calls in a minute", "in a minute"},
		{code(429, "Retry-After", "17"), "more than 120 calls", "in 17 seconds"},
		{code(429, "Retry-After", "999999999"), "more than 120 calls", "in a minute"},
		{code(400), "answered 400 Bad Request", "dashboard"},
		{code(500), "answered 500 Internal Server Error: the fault is on its side", "30 minutes"},
		{code(599), "answered 599: the fault", "30 minutes"},
		{code(302, "Location", elsewhere.URL), "answered 302 Found, which is not followed", "SIDECAR_SUPABASE_API"},
		{code(307, "Location", elsewhere.URL), "answered 307 Temporary Redirect, which is not followed", ""},
		{says(""), "answered something else than a list of bans", ""},
		{says("null"), "answered something else", ""},
		{says("{}"), "answered something else", ""},
		{says(`<html>TOKEN</html>`), "answered something else", ""},
		{says(`{"banned_ipv4_addresses":"TOKEN"}`), "answered something else", ""},
		{says(`{"banned_ipv4_addresses":["TOKEN"]}`), "answered something else", ""},
		{says(`{"banned_ipv4_addresses":null}`), "answered something else", ""},
		{says(`{"banned_ipv4_addresses":["` + strings.Repeat("x", maxAnswer) + `"]}`), "answered more than 1 MiB", ""},
		{raw("HTTP/1.1 TOKEN\r\n\r\n"), "cannot be asked: what came back is no answer over HTTP", ""},
		{raw("TOKEN\r\n\r\n"), "cannot be asked: what came back is no answer over HTTP", ""},
		{raw("HTTP/1.1 201 Created\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n"), "cannot be asked: ", ""},
		{raw("HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{"), "the connection ended without an answer", ""},
		{raw(""), "the connection ended without an answer", ""},
		{func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "did not answer within 200ms", "30 minutes"},
		{func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(201)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, "did not answer within 200ms", "30 minutes"},
	} {
		s.Break(test.answer)
		api := API{Base: s.URL, Token: dsn.NewSecret(token)}
		if strings.Contains(test.want, "200ms") {
			api.Patience = 200 * time.Millisecond
		}
		_, err := api.Bans(t.Context(), ref)
		check(t, err, test.want, test.hint)
	}
}

// check holds an error against what it has to say.
func check(t *testing.T, err error, want, hint string) {
	t.Helper()
	failed := exit.From(err)
	all := fmt.Sprintf("%s %s %v %+v", failed.Message, failed.Hint, err, err)
	if failed.Code != exit.Failure || !strings.Contains(failed.Message, want) || !strings.Contains(failed.Hint, hint) {
		t.Errorf("says %q, hint %q; want %q, %q", failed.Message, failed.Hint, want, hint)
	}
	if strings.Contains(all, token[4:12]) || strings.Contains(all, "\n") {
		t.Errorf("not one line without the token: %q", all)
	}
}

// TestUnreachable: nobody there, a certificate that nobody trusts, no TLS, and a call
// that is broken off from here.
func TestUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	secure, plain := apisim.ListenTLS(ref, token), apisim.Listen(ref, token)
	defer secure.Close()
	defer plain.Close()
	for base, want := range map[string]string{
		"http://" + listener.Addr().String(): "cannot be asked: connection refused",
		secure.URL:                           "its certificate is not to be trusted: nobody we trust has signed it",
		strings.Replace(plain.URL, "http://", "https://", 1): "no TLS is spoken there",
		"https://nobody.invalid":                             "cannot be asked: ",
	} {
		_, err := API{Base: base, Token: dsn.NewSecret(token)}.Bans(t.Context(), ref)
		check(t, err, want, "dashboard")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = API{Base: plain.URL, Token: dsn.NewSecret(token)}.Bans(ctx, ref)
	check(t, err, "interrupted", "")
}
