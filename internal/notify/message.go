package notify

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/supervisor"
)

// Message is what is sent, in the shape of a webhook (docs/notifications.md#shapes).
// It holds no host, user, project or secret.
type Message struct {
	Event    Event             `json:"event"`
	Text     string            `json:"text"`
	Status   *health.Readiness `json:"status"` // as /readyz; null of a test
	Instance string            `json:"instance"`
}

// newMessage says what happened in words: the advice is that of /status.
func newMessage(e Event, away time.Duration, s *supervisor.Snapshot, now time.Time, env, instance string) Message {
	status := health.ReadinessAt(s, now)
	text := "[" + env + "] "
	switch e {
	case Lockout:
		text += "LOCKOUT. " + s.Advice(now)
	case Rejected:
		text += "REJECTED. " + s.Advice(now)
	case Misconfigured:
		text += "MISCONFIGURED. " + s.Advice(now)
	case Down:
		text += "NOT READY for a minute. " + s.Advice(now)
	case Ready:
		text += "READY again after " + away.Round(time.Second).String() + "."
	}
	if status.Key != "" {
		text += " (key " + status.Key + ")"
	}
	return Message{e, text, &status, instance}
}

// shape is a receiver's own form of a message.
type shape string

const (
	slack   shape = "slack"
	discord shape = "discord"
	webhook shape = "webhook"
)

// mostDiscord is the longest text that Discord takes, in characters.
const mostDiscord = 2000

var slackEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// body is the message in a receiver's form.
func (m Message) body(s shape) ([]byte, error) {
	switch s {
	case slack:
		return encode(map[string]any{"text": slackEscapes.Replace(m.Text)})
	case discord:
		text := m.Text
		if utf8.RuneCountInString(text) > mostDiscord {
			text = string([]rune(text)[:mostDiscord-1]) + "…"
		}
		return encode(map[string]any{"content": text, "allowed_mentions": map[string]any{"parse": []string{}}})
	}
	return encode(m)
}

// encode writes JSON as it is: a text is not for a browser.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// sign is the value of X-Sidecar-Signature.
func sign(body []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}
