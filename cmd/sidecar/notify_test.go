package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

const notifyPath = "/T0SECRETPATH/xoxosecretxoxo"

// chat is a receiver of messages. It refuses each first try.
type chat struct {
	*httptest.Server
	mu    sync.Mutex
	tries map[string]int
	said  []string // of each message its event, and of an end its text
	texts []string // of each message its text
}

// newChat serves over TLS if secure, with a certificate in the file that it returns.
func newChat(t *testing.T, refuseFirst bool) (c *chat, certificate string) {
	t.Helper()
	c = &chat{tries: make(map[string]int)}
	c.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m struct {
			Event, Text, Instance string
			Status                struct{ State, Message string }
		}
		mac := hmac.New(sha256.New, []byte("signing-key-9"))
		mac.Write(body)
		if json.Unmarshal(body, &m) != nil || r.Header.Get("X-Sidecar-Signature") != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
			t.Errorf("%s %s: %s", r.Method, r.URL, body)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		key := m.Event + m.Instance
		if c.tries[key]++; refuseFirst && c.tries[key] == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, r.URL.Path)
			return
		}
		c.texts = append(c.texts, m.Text)
		if m.Event == "ready" {
			m.Event = m.Text
		}
		c.said = append(c.said, m.Event)
	}))
	t.Cleanup(c.Close)
	certificate = filepath.Join(t.TempDir(), "roots.pem")
	put(t, certificate, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate().Raw})), true)
	return c, certificate
}

// events are the messages so far.
func (c *chat) events() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.said)
}

// await waits for so many messages.
func (c *chat) await(t *testing.T, n int) []string {
	t.Helper()
	realpeer.Until(t, 15*time.Second, fmt.Sprint(n, " messages"), func() error {
		if said := c.events(); len(said) < n {
			return fmt.Errorf("said %q", said)
		}
		return nil
	})
	return c.events()
}

// TestNotified: a lockout is told over TLS by the second try, once in spite of a
// process that is killed, and its end by the next process. No secret is in the log.
func TestNotified(t *testing.T) {
	t.Parallel()
	chat, roots := newChat(t, true)
	pooler := listen(t, poolersim.Script{Auth: poolersim.SCRAM, Password: "pw-of-app"})
	env := []string{
		"DATABASE_URL=" + pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_STATE=file:" + filepath.Join(t.TempDir(), "state.json"),
		"SIDECAR_NOTIFY_URL=" + chat.URL + notifyPath, "SIDECAR_NOTIFY_SECRET=signing-key-9", "SSL_CERT_FILE=" + roots,
		"SIDECAR_PROBE_INTERVAL=100ms", "SIDECAR_LOCKOUT_MIN=8s", "SIDECAR_LOCKOUT_MAX=8s", "SIDECAR_LOG_LEVEL=debug", "TMPDIR=" + t.TempDir(),
	}
	first := startSidecar(t, env...)
	first.await(machine.Ready, 10*time.Second)
	pooler.Set(poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	first.await(machine.Lockout, 10*time.Second)
	chat.await(t, 1)
	first.awaitLine("notification sent")
	if told := first.status().Notifications; told.To != "webhook" || told.Sent != 1 || told.Retried != 1 || told.Failed != 0 {
		t.Errorf("%+v", told)
	}
	realpeer.Until(t, 5*time.Second, "what was told in the store", func() error {
		text, err := os.ReadFile(strings.TrimPrefix(env[1], "SIDECAR_STATE=file:"))
		if !strings.Contains(string(text), `"told"`) {
			return errors.Join(err, errors.New("not there"))
		}
		return nil
	})
	first.command.Process.Kill()
	first.command.Wait()
	pooler.Set(poolersim.Script{Auth: poolersim.SCRAM, Password: "pw-of-app"})
	second := startSidecar(t, env...)
	second.await(machine.Ready, 20*time.Second)
	said := chat.await(t, 2)
	second.awaitLine("notification sent") // which is counted once the receiver has answered
	if len(said) != 2 || said[0] != "lockout" || !strings.HasPrefix(said[1], "[dev] READY again after ") {
		t.Errorf("said %q", said)
	}
	t.Log(said)
	for _, s := range []*sidecar{first, second} {
		if log := s.lines(); strings.Contains(log, "SECRETPATH") || strings.Contains(log, "secretxoxo") || strings.Contains(log, "signing") {
			t.Errorf("logs %s", log)
		}
	}
	_, _, metrics := second.get("/metrics")
	if !strings.Contains(string(metrics), `pooler_notifications_total{result="sent"} 1`) {
		t.Errorf("%s", metrics)
	}
}

// TestCrashLoop: without a store, a sidecar that is killed again and again in a lockout
// writes once.
func TestCrashLoop(t *testing.T) {
	t.Parallel()
	chat, roots := newChat(t, false)
	pooler := listen(t, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	env := []string{
		"DATABASE_URL=" + pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_NOTIFY_URL=" + chat.URL + notifyPath,
		"SIDECAR_NOTIFY_SECRET=signing-key-9", "SSL_CERT_FILE=" + roots, "TMPDIR=" + t.TempDir(),
	}
	for i := range 4 {
		s := startSidecar(t, env...)
		s.await(machine.Lockout, 10*time.Second)
		if i == 0 {
			chat.await(t, 1)
			s.awaitLine("notification sent")
		} else {
			left := s.status().RetryInSeconds
			realpeer.Until(t, 10*time.Second, "the window is two seconds older, which is four looks", func() error {
				if now := s.status().RetryInSeconds; now > left-2 {
					return fmt.Errorf("%d s remain of %d s", now, left)
				}
				return nil
			})
		}
		s.command.Process.Kill()
		s.command.Wait()
	}
	if said := chat.events(); len(said) != 1 {
		t.Errorf("said %q", said)
	}
}

// TestNotifyTest: what comes back is said, without the URL's secret.
func TestNotifyTest(t *testing.T) {
	t.Parallel()
	chat, roots := newChat(t, true)
	env := []string{beSidecar + "=1", "SIDECAR_NOTIFY_URL=" + chat.URL + notifyPath, "SIDECAR_NOTIFY_SECRET=signing-key-9", "SSL_CERT_FILE=" + roots}
	for i, want := range []string{
		"sidecar: error: the message was not taken: 127.0.0.1 answered 503 Service Unavailable\nsidecar: hint: is SIDECAR_NOTIFY_URL whole, and does the webhook still exist?\n",
		"Sent as webhook: 127.0.0.1 answered 200 OK\n",
		"sidecar: error: SIDECAR_NOTIFY_URL is not set\nsidecar: hint: set it to the address of a webhook, such as https://hooks.slack.com/services/...\n",
	} {
		command := exec.Command(os.Args[0], "notify", "test")
		if command.Env = env; i == 2 {
			command.Env = env[:1]
		}
		out, err := command.CombinedOutput()
		if string(out) != want || (err == nil) != (i == 1) {
			t.Errorf("%v, says %s, want %s", err, out, want)
		}
	}
	if said := chat.events(); !slices.Equal(said, []string{"test"}) {
		t.Errorf("said %q", said)
	}
}
