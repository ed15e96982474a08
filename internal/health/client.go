package health

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Client asks a running sidecar. It never touches the database.
type Client struct {
	// URL is the sidecar's base address, such as http://127.0.0.1:8080.
	URL string
}

const (
	clientTimeout = 2 * time.Second // contract 1: no answer within 2 s is no answer
	maxAnswer     = 64 << 10
)

// Readiness asks /readyz. Both 200 and 503 are answers; anything else, or no
// answer within two seconds, is an error.
func (c Client) Readiness(ctx context.Context) (Readiness, error) {
	var body Readiness
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	address, err := url.JoinPath(c.URL, "readyz")
	if err != nil {
		return body, fmt.Errorf("ask the sidecar: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return body, fmt.Errorf("ask the sidecar: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return body, fmt.Errorf("ask the sidecar: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusServiceUnavailable {
		return body, fmt.Errorf("ask the sidecar: %s answered %s", address, response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&body); err != nil {
		return body, fmt.Errorf("ask the sidecar: %s answered something else than a readiness: %w", address, err)
	}
	if body.State == "" {
		return body, fmt.Errorf("ask the sidecar: %s answered something else than a readiness", address)
	}
	return body, nil
}
