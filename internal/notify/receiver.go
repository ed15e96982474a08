package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/outbound"
)

// Receiver is where messages go. Its URL is a secret: whoever has it can write there.
type Receiver struct {
	URL      dsn.Secret
	Secret   dsn.Secret    // signs what a webhook gets; none: no signature
	Patience time.Duration // of one try; zero means 10 s

	client *http.Client // nil: one that takes no detours
	roots  *x509.CertPool
}

const patience = 10 * time.Second

// Answer is what came back. Its text is safe to show: of the receiver's own words it
// has at most some that name a fault.
type Answer struct {
	Text  string
	OK    bool
	After time.Duration // the receiver wants no other try before; zero: it does not say
}

// Post sends a message once.
func (r Receiver) Post(ctx context.Context, m Message) Answer {
	to := r.shape()
	body, err := m.body(to)
	if err != nil {
		return Answer{Text: "the message cannot be written as JSON"}
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(r.Patience, patience))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL.Reveal(), bytes.NewReader(body))
	if err != nil { // whose text has the URL
		return Answer{Text: "SIDECAR_NOTIFY_URL cannot be asked"}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "sidecar")
	if secret := r.Secret.Reveal(); secret != "" && to == webhook {
		request.Header.Set("X-Sidecar-Signature", sign(body, secret))
	}
	client := r.client
	if client == nil {
		client = outbound.NewClient(r.roots)
	}
	response, err := client.Do(request)
	if err != nil {
		return Answer{Text: r.Host() + " did not answer: " + outbound.Explain(err)}
	}
	defer response.Body.Close()
	code := response.StatusCode
	said := strings.TrimSpace(fmt.Sprintf("%s answered %d %s", r.Host(), code, http.StatusText(code)))
	if code/100 == 3 {
		said += ", which is not followed"
	}
	return Answer{Text: said + r.fault(response.Body), OK: code/100 == 2, After: retryAfter(response.Header, time.Now())}
}

// Host is what may be shown of the URL.
func (r Receiver) Host() string {
	u, err := url.Parse(r.URL.Reveal())
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// shape tells the receiver's kind from its address.
func (r Receiver) shape() shape {
	u, err := url.Parse(r.URL.Reveal())
	if err != nil {
		return webhook
	}
	switch host := strings.ToLower(u.Hostname()); {
	case slices.Contains([]string{"hooks.slack.com", "hooks.slack-gov.com"}, host):
		return slack
	case slices.Contains([]string{"discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"}, host) && strings.HasPrefix(u.Path, "/api/webhooks/"):
		if strings.HasSuffix(u.Path, "/slack") { // Discord's own translation
			return slack
		}
		return discord
	}
	return webhook
}

// Kind names the receiver: slack, discord or webhook; "" for nobody.
func (r Receiver) Kind() string {
	if r.URL.IsZero() {
		return ""
	}
	return string(r.shape())
}

// plainFault is what Slack says of a message that it does not take, such as
// no_service.
var plainFault = regexp.MustCompile(`^[a-z]+(_[a-z]+)+$`)

// fault is a receiver's short word for what is wrong; nothing longer is repeated,
// and nothing that is a piece of the URL.
func (r Receiver) fault(body io.Reader) string {
	text, _ := io.ReadAll(io.LimitReader(body, 64))
	word := strings.TrimSpace(string(text))
	if len(word) > 40 || !plainFault.MatchString(word) || strings.Contains(r.URL.Reveal(), word) || strings.Contains(r.Secret.Reveal(), word) {
		return ""
	}
	return " (" + word + ")"
}

// mostAfter is the longest that a receiver may put a try off.
const mostAfter = 5 * time.Minute

// retryAfter reads the header of that name: seconds, or a time.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	after := time.Duration(0)
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		after = time.Duration(seconds) * time.Second
	} else if errors.Is(err, strconv.ErrRange) {
		after = mostAfter
	} else if at, err := http.ParseTime(text); err == nil {
		after = at.Sub(now)
	}
	return min(max(after, 0), mostAfter)
}
