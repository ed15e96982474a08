package health

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

const devDSN = "postgresql://postgres.ejiddanxtqcleyswqvkc:pass-word-1@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require"

// judge is the guard's verdict on devDSN.
func judge(now time.Time) dsn.Report { return dsn.Judge(devDSN, dsn.Rules{Env: dsn.Dev}, now) }

// at is a handler over one snapshot, of devDSN.
func at(s *supervisor.Snapshot, token string) http.Handler {
	of := *s
	of.Judge = judge
	s = &of
	return NewHandler(Source{
		Snapshot:  func() *supervisor.Snapshot { return s },
		Env:       dsn.Dev,
		StoreKind: "memory",
		Instance:  "c0ffee12",
		Build:     Build{"1.2.3", "abc", "go1.26"},
		Token:     dsn.NewSecret(token),
	})
}

func readySince(ago time.Duration) *supervisor.Snapshot {
	since := time.Now().Add(-ago)
	return &supervisor.Snapshot{Status: machine.Status{
		State: machine.Ready, Reason: machine.ReasonOK, Since: since, Next: time.Now().Add(time.Second),
	}}
}

func inWindow(left time.Duration) *supervisor.Snapshot {
	return &supervisor.Snapshot{
		Status: machine.Status{
			State: machine.Lockout, Reason: machine.ReasonLockout, Trigger: machine.TriggerServerLoginRetry,
			Cause: `password authentication failed for user "postgres"`, Next: time.Now().Add(left), Since: time.Now().Add(left - 15*time.Minute), WindowsInRow: 1,
		},
		Target: machine.Target{Key: "9f2c01ab"},
	}
}

func ask(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestMethods: GET and HEAD are alike, everything else is refused with Allow,
// and no answer may be stored.
func TestMethods(t *testing.T) {
	h := at(inWindow(14*time.Minute), "")
	for path := range routeCodes {
		if path == otherPath {
			path = "/nowhere"
		}
		get, head := ask(h, "GET", path), ask(h, "HEAD", path)
		if get.Code != head.Code || get.Header().Get("Content-Type") != head.Header().Get("Content-Type") {
			t.Errorf("%s: GET %d, HEAD %d", path, get.Code, head.Code)
		}
		if got := get.Header().Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", path, got)
		}
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
			w := ask(h, method, path)
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: %d, Allow %q", method, path, w.Code, w.Header().Get("Allow"))
			}
		}
	}
	if w := ask(h, "GET", "/nowhere"); w.Code != http.StatusNotFound {
		t.Errorf("/nowhere: %d", w.Code)
	}
	if w := ask(h, "OPTIONS", "*"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("OPTIONS *: %d", w.Code)
	}
}

// TestStoppingShown: a process that ends says so in /status, /health and the
// metrics, and keeps its verdict about the database in /readyz.
func TestStoppingShown(t *testing.T) {
	s := readySince(time.Minute)
	s.Stopping = true
	h := at(s, "")
	for path, want := range map[string]string{
		"/status": `"state":"stopping"`, "/health": `{"status":"pass","state":"stopping"}`, "/readyz": `"state":"ready"`, "/metrics": "\n" + `pooler_state{state="stopping"} 1` + "\n",
	} {
		if w := ask(h, "GET", path); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d, no %s", path, w.Code, want)
		}
	}
}

// TestReadyzInWindow: the body of docs/http.md#readyz, with a Retry-After that no
// client sleeps for long, and nothing that must not be public.
func TestReadyzInWindow(t *testing.T) {
	w := ask(at(inWindow(872500*time.Millisecond), ""), "GET", "/readyz")
	var got Readiness
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.RetryAt == nil || time.Until(*got.RetryAt) < 872*time.Second || got.RetryAt.Nanosecond() != 0 {
		t.Errorf("retry_at %v", got.RetryAt)
	}
	got.RetryAt = nil
	want := Readiness{
		State: "lockout", Reason: "lockout", Trigger: "server_login_retry", Key: "9f2c01ab", RetryInSeconds: 873,
		Message: "Lockout backoff: 873s (14m) remaining. No connection attempts until backoff expires.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "30" {
		t.Errorf("%d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	for _, secret := range []string{"supabase.com", "postgres", "ejidd"} {
		if strings.Contains(w.Body.String(), secret) {
			t.Errorf("/readyz says %q", secret)
		}
	}
	if got := ask(at(inWindow(2500*time.Millisecond), ""), "GET", "/readyz").Header().Get("Retry-After"); got != "3" {
		t.Errorf("Retry-After %q with 2.5 s to go", got)
	}
	if got := ask(at(&supervisor.Snapshot{Status: machine.Status{State: machine.Misconfigured, Reason: machine.ReasonGuard}}, ""), "GET", "/readyz").Header().Get("Retry-After"); got != "30" {
		t.Errorf("Retry-After %q with nothing to wait for", got)
	}
}

// TestStable: readiness can be asked to have lasted.
func TestStable(t *testing.T) {
	h := at(readySince(20*time.Second), "")
	for query, want := range map[string]int{
		"": 200, "?stable=10s": 200, "?stable=10": 200, "?stable=0": 200, "?stable=30s": 503, "?stable=1m": 503,
		"?stable=": 400, "?stable=soon": 400, "?stable=-1s": 400, "?stable=-1": 400, "?stable=%zz": 400, "?stable=1s&stable=bad": 400, "?other": 200,
	} {
		w := ask(h, "GET", "/readyz"+query)
		if w.Code != want {
			t.Errorf("%q: %d %s, want %d", query, w.Code, w.Body, want)
		}
		if w.Code == 503 && w.Header().Get("Retry-After") == "" {
			t.Errorf("%q: no Retry-After", query)
		}
	}
	if w := ask(at(inWindow(time.Minute), ""), "GET", "/readyz?stable=1s"); w.Code != 503 || !strings.Contains(w.Body.String(), `"state":"lockout"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestVerbose: one line a check, in the manner of Kubernetes.
func TestVerbose(t *testing.T) {
	w := ask(at(readySince(time.Minute), ""), "GET", "/readyz?verbose")
	if want := "[+]config ok\n[+]window ok\n[+]hold ok\n[+]database ok\n[+]stable ok\n[+]store ok\nready\n"; w.Code != 200 || w.Body.String() != want {
		t.Errorf("%d\n%s", w.Code, w.Body)
	}
	w = ask(at(inWindow(time.Minute), ""), "GET", "/readyz?verbose")
	if body := w.Body.String(); w.Code != 503 || !strings.Contains(body, "[-]window: Lockout backoff: 60s (1m) remaining.") || !strings.HasSuffix(body, "not ready\n") {
		t.Errorf("%d\n%s", w.Code, w.Body)
	}
}

// TestToken: it protects what names host and user, and nothing that machines ask.
func TestToken(t *testing.T) {
	h := at(readySince(time.Minute), "sesame")
	for _, path := range []string{"/", "/status", "/runbook"} {
		for header, want := range map[string]int{
			"": 401, "Bearer sesame": 200, "bearer sesame": 200, "Bearer other": 401, "Basic OnNlc2FtZQ==": 200, // :sesame
			"Basic YW55Ym9keTpzZXNhbWU=": 200, "Basic YW55Ym9keTpvdGhlcg==": 401, "sesame": 401,
		} {
			w := ask(h, "GET", path, "Authorization", header)
			if w.Code != want || (w.Code == 401) != (w.Header().Get("WWW-Authenticate") != "") {
				t.Errorf("%s with %q: %d", path, header, w.Code)
			}
		}
	}
	for _, path := range []string{"/health", "/livez", "/readyz", "/metrics", "/page.css", "/page.js"} {
		if w := ask(h, "GET", path); w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestStatusShape holds the names of docs/http.md#status.
func TestStatusShape(t *testing.T) {
	s := inWindow(15 * time.Minute)
	s.Attempt = machine.Attempt{At: time.Now(), Outcome: machine.Outcome{Reason: machine.ReasonLockout, Step: machine.StepQuery, SQLState: "08P01", Message: "m", Latency: 45 * time.Millisecond}}
	s.History = []machine.Entry{{At: time.Now(), From: machine.Ready, To: machine.Lockout, Reason: machine.ReasonLockout, Trigger: machine.TriggerServerLoginRetry}}
	w := ask(at(s, ""), "GET", "/status")
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"": {"advice", "cause", "consecutive_failures", "dsn", "fleet", "guard", "history", "instance", "key", "last_attempt",
			"last_success_at", "local_fault", "logins", "message", "proxy", "ready", "reason", "retry_at", "retry_in_seconds", "runbook", "since", "state",
			"store", "trigger", "version", "waiver", "windows_in_a_row"},
		"dsn":          {"host", "password_encoding", "pooler_mode", "port", "project_ref", "region", "sslmode", "user"},
		"guard":        {"env", "findings", "ok", "pending"},
		"waiver":       {"days_remaining", "expires", "reason", "status"},
		"logins":       {"failed", "in_window", "total"},
		"last_attempt": {"at", "latency_ms", "message", "reason", "sqlstate", "step"},
		"store":        {"healthy", "kind"},
	}
	for part, names := range want {
		fields := got
		if part != "" {
			fields, _ = got[part].(map[string]any)
		}
		if diff := cmp.Diff(names, keys(fields)); diff != "" {
			t.Errorf("%s: %s", part, diff)
		}
	}
	told := Notifications{To: "slack", Sent: 3, Failed: 1}
	body := encode(Status{Notifications: told})
	if !strings.Contains(string(body), `"notifications":{"to":"slack","sent":3,"retried":0,"failed":1}`) {
		t.Errorf("%s", body)
	}
	if words := told.Words(); words != "slack: 3 sent, 1 NOT delivered; the log says why" {
		t.Error(words)
	}
	history, _ := got["history"].([]any)
	if len(history) != 1 {
		t.Fatalf("history %v", got["history"])
	}
	if diff := cmp.Diff([]string{"at", "from", "reason", "to", "trigger"}, keys(history[0].(map[string]any))); diff != "" {
		t.Error(diff)
	}
	if advice, _ := got["advice"].(string); !strings.HasPrefix(advice, "Wait until ") || !strings.Contains(advice, " UTC. Do NOT restart services: every restart is another login.") {
		t.Errorf("advice %q", advice)
	}
	if w := ask(at(s, ""), "GET", "/"); w.Code != 200 || !strings.Contains(w.Body.String(), "NOT ready") || w.Header().Get("Content-Security-Policy") == "" {
		t.Errorf("page: %d\n%s", w.Code, w.Body)
	}
}

func keys(m map[string]any) []string {
	return slices.Sorted(maps.Keys(m))
}
