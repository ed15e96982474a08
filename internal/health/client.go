package health

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
)

// Client asks a running sidecar; every command does so with this one. It never touches
// the database. It goes through no proxy, which could swallow the question about a
// window, and follows no redirect. The token goes to /status alone. What an answer says
// is fit to print.
type Client struct {
	// URL is the sidecar's base address, such as http://127.0.0.1:8080. A user and
	// password in it go to /status alone, as Token does.
	URL string
	// Token is the sidecar's SIDECAR_TOKEN, for Status.
	Token dsn.Secret
	// Stable is how long the database has to have been ready already for
	// Readiness to say so; zero asks for no more than this moment.
	Stable time.Duration
	// Address is where connections go, whatever the URL's name says; empty: where it
	// leads.
	Address string
}

const (
	clientTimeout = 2 * time.Second // no answer within it is no answer (docs/commands.md)
	maxAnswer     = 64 << 10
)

// ErrToken says that /status wants a token, or another one.
var ErrToken = errors.New("ask the sidecar: status wants the token of SIDECAR_TOKEN")

// Readiness asks /readyz. Both 200 and 503 are answers, as long as they agree with what
// the body says. Everything else is a [*NoAnswerError].
func (c Client) Readiness(ctx context.Context) (Readiness, error) {
	query := url.Values{}
	if c.Stable > 0 {
		query.Set("stable", c.Stable.String())
	}
	var body Readiness
	code, _, err := c.get(ctx, "readyz", query, &body, http.StatusOK, http.StatusServiceUnavailable)
	if err == nil {
		err = c.doubt(body.contradiction(code, c.Stable > 0))
	}
	if err != nil {
		return Readiness{}, err
	}
	body.bound(time.Now())
	return body, nil
}

// Status asks /status.
func (c Client) Status(ctx context.Context) (Status, error) {
	status, _, err := c.StatusJSON(ctx)
	return status, err
}

// StatusJSON is Status, with the answer as it came: another version of the sidecar
// may say more than [Status] holds. Characters that a terminal would obey are escaped.
// The error is [ErrToken] or a [*NoAnswerError].
func (c Client) StatusJSON(ctx context.Context) (Status, json.RawMessage, error) {
	var status Status
	_, text, err := c.get(ctx, "status", nil, &status, http.StatusOK)
	if err == nil {
		err = c.doubt(status.contradiction())
	}
	if err != nil {
		return Status{}, nil, err
	}
	status.bound(time.Now())
	return status, escaped(text), nil
}

// Alive asks /health, which says 200 in every state: an error means that no
// sidecar is there.
func (c Client) Alive(ctx context.Context) error {
	var body Liveness
	_, _, err := c.get(ctx, "health", nil, &body, http.StatusOK)
	if err == nil && body.State == "" {
		err = c.doubt(errors.New("its health is another program's"))
	}
	return err
}

// get decodes the JSON of a page that answers with one of the codes.
func (c Client) get(ctx context.Context, page string, query url.Values, body any, codes ...int) (code int, text []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	base, err := url.Parse(c.URL)
	if err != nil {
		return 0, nil, c.doubt(errors.New("its address cannot be read"))
	}
	address := base.JoinPath(page)
	address.RawQuery = query.Encode()
	if page != "status" {
		address.User = nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return 0, nil, c.doubt(errors.New("its address cannot be asked"))
	}
	if token := c.Token.Reveal(); token != "" && page == "status" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	var connected atomic.Bool
	response, err := c.http(&connected).Do(request)
	if err != nil {
		return 0, nil, c.silence(err, connected.Load())
	}
	defer response.Body.Close()
	text, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return 0, nil, c.silence(err, true)
	case response.StatusCode == http.StatusUnauthorized && page == "status":
		return 0, nil, ErrToken
	case response.StatusCode >= 300 && response.StatusCode < 400:
		return 0, nil, c.doubt(fmt.Errorf("%s answered with code %d: a redirect is not followed, give the address that it leads to", page, response.StatusCode))
	case !slices.Contains(codes, response.StatusCode):
		return 0, nil, c.doubt(fmt.Errorf("%s answered with code %d", page, response.StatusCode))
	case len(text) > maxAnswer:
		return 0, nil, c.doubt(fmt.Errorf("%s answered with more than %d KiB", page, maxAnswer>>10))
	case json.Unmarshal(text, body) != nil:
		return 0, nil, c.doubt(fmt.Errorf("%s is not what was expected", page))
	}
	clean(body)
	return response.StatusCode, text, nil
}

// http makes one request over a connection of its own, and notes that there was one.
func (c Client) http(connected *atomic.Bool) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: 16 << 10,
			DialContext: func(ctx context.Context, network, given string) (net.Conn, error) {
				if _, port, err := net.SplitHostPort(given); err == nil && c.Address != "" {
					given = net.JoinHostPort(c.Address, port)
				}
				conn, err := new(net.Dialer).DialContext(ctx, network, given)
				connected.Store(err == nil)
				return conn, err
			},
		},
	}
}
