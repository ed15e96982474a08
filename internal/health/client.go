package health

import (
	"context"
	"encoding/json"
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
}

const (
	clientTimeout = 2 * time.Second // contract 1: no answer within 2 s is no answer
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

// Status asks /status.
func (c Client) Status(ctx context.Context) (Status, error) {
	var body Status
	return body, c.get(ctx, "status", &body, http.StatusOK)
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
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask the sidecar: %w", err)
	}
	defer response.Body.Close()
	if !slices.Contains(codes, response.StatusCode) {
		return fmt.Errorf("ask the sidecar: %s answered %s", page, response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(body); err != nil {
		return fmt.Errorf("ask the sidecar: %s is not what was expected: %w", page, err)
	}
	return nil
}
