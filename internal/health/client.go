package health

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
)

// Client asks a running sidecar. It never touches the database.
type Client struct {
	// URL is the sidecar's base address, such as http://127.0.0.1:8080.
	URL string
	// Token is the sidecar's SIDECAR_TOKEN, for Status.
	Token dsn.Secret
	// Stable is how long the database has to have been ready already for
	// Readiness to say so; zero asks for no more than this moment.
	Stable time.Duration
	// HTTP makes the requests; nil means http.DefaultClient.
	HTTP *http.Client
}

const (
	clientTimeout = 2 * time.Second // docs/http.md#limits: no answer within 2 s is no answer
	maxAnswer     = 64 << 10
)

// Readiness asks /readyz. Both 200 and 503 are answers; anything else, or no
// answer within two seconds, is an error.
func (c Client) Readiness(ctx context.Context) (Readiness, error) {
	var body Readiness
	page := "readyz"
	if c.Stable > 0 {
		page += "?stable=" + c.Stable.String()
	}
	err := c.get(ctx, page, &body, http.StatusOK, http.StatusServiceUnavailable)
	if err == nil && body.State == "" {
		err = fmt.Errorf("ask the sidecar: %s answered something else than a readiness", c.URL)
	}
	return body, err
}

// ErrToken says that /status wants a token, or another one.
var ErrToken = errors.New("ask the sidecar: status wants the token of SIDECAR_TOKEN")

// Status asks /status.
func (c Client) Status(ctx context.Context) (Status, error) {
	status, _, err := c.StatusJSON(ctx)
	return status, err
}

// StatusJSON is Status, with the answer as it came: another version of the sidecar
// may say more than [Status] holds.
func (c Client) StatusJSON(ctx context.Context) (status Status, text json.RawMessage, err error) {
	if err = c.get(ctx, "status", &text, http.StatusOK); err == nil {
		err = json.Unmarshal(text, &status)
	}
	if err == nil && status.State == "" {
		err = errors.New("ask the sidecar: status is another program's")
	}
	return status, text, err
}

// Alive asks /health, which says 200 in every state: an error means that no
// sidecar is there.
func (c Client) Alive(ctx context.Context) error {
	var body Liveness
	err := c.get(ctx, "health", &body, http.StatusOK)
	if err == nil && body.State == "" {
		err = fmt.Errorf("ask the sidecar: %s answered something else than its health", c.URL)
	}
	return err
}

// get decodes the JSON of a page that answers with one of the codes.
func (c Client) get(ctx context.Context, page string, body any, codes ...int) error {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	path, query, _ := strings.Cut(page, "?")
	address, err := url.JoinPath(c.URL, path)
	if err != nil {
		return fmt.Errorf("ask the sidecar: %w", err)
	}
	if query != "" {
		address += "?" + query
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("ask the sidecar: %w", err)
	}
	if token := c.Token.Reveal(); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := cmp.Or(c.HTTP, http.DefaultClient).Do(request)
	if err != nil {
		return fmt.Errorf("ask the sidecar: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusUnauthorized {
		return ErrToken
	}
	if !slices.Contains(codes, response.StatusCode) {
		return fmt.Errorf("ask the sidecar: %s answered %s", page, response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(body); err != nil {
		return fmt.Errorf("ask the sidecar: %s is not what was expected: %w", page, err)
	}
	return nil
}
