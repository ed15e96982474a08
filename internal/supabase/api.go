// Package supabase asks Supabase's management API which addresses are banned from a
// project's db.* host, and lifts bans (docs/facts.md#lifting-a-ban). It knows no
// database.
package supabase

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/outbound"
)

// API is the management API. Errors of its methods are one line that names what to
// do, and never the token or what the peer has written.
type API struct {
	// Base is its address: https, or this machine.
	Base string
	// Token is a person's or an organization's; it is sent to Base and nowhere else.
	Token dsn.Secret
	// Patience bounds one call; zero means 10 s.
	Patience time.Duration

	roots *x509.CertPool // nil: the system's
}

const (
	patience  = 10 * time.Second
	maxAnswer = 1 << 20 // some 60 000 addresses
)

// Bans returns the addresses that are banned now.
func (a API) Bans(ctx context.Context, ref string) ([]netip.Addr, error) {
	text, err := a.call(ctx, http.MethodPost, ref, "network-bans/retrieve", nil)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Banned *[]netip.Addr `json:"banned_ipv4_addresses"`
	}
	if json.Unmarshal(text, &answer) != nil || answer.Banned == nil {
		return nil, a.failed("answered something else than a list of bans", "is SIDECAR_SUPABASE_API the management API?")
	}
	return *answer.Banned, nil
}

// Lift lifts the bans of these addresses, or without one that of the address from
// which the API sees us.
func (a API) Lift(ctx context.Context, ref string, addresses ...netip.Addr) error {
	body, err := json.Marshal(map[string]any{
		"ipv4_addresses": append([]netip.Addr{}, addresses...),
		"requester_ip":   len(addresses) == 0,
	})
	if err != nil {
		return fmt.Errorf("lift a ban: %w", err)
	}
	_, err = a.call(ctx, http.MethodDelete, ref, "network-bans", body)
	return err
}

// call makes one call and returns the body of a good answer.
func (a API) call(ctx context.Context, method, ref, page string, body []byte) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, cmp.Or(a.Patience, patience))
	defer cancel()
	address, err := url.JoinPath(a.Base, "v1", "projects", url.PathEscape(ref), page)
	if err != nil {
		return nil, fmt.Errorf("ask the management API: %w", err)
	}
	request, err := http.NewRequestWithContext(limited, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask the management API: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+a.Token.Reveal())
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := outbound.NewClient(a.roots).Do(request)
	if err != nil {
		return nil, a.silent(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return nil, a.refused(response, ref, method)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, a.silent(ctx, err)
	case len(text) > maxAnswer:
		return nil, a.failed("answered more than 1 MiB", "is SIDECAR_SUPABASE_API the management API?")
	}
	return text, nil
}

// failed is an error about the API at its address.
func (a API) failed(what, hint string) error {
	return exit.Fail(exit.Failure, "Supabase's management API ("+a.Base+") "+what, hint)
}

// silent says why there was no answer, or only the beginning of one.
func (a API) silent(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return exit.Fail(exit.Failure, "interrupted", "")
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return a.failed(fmt.Sprintf("did not answer within %s", cmp.Or(a.Patience, patience)), otherwise)
	}
	return a.failed("cannot be asked: "+outbound.Explain(err), otherwise)
}

// otherwise is what is left when the API cannot help.
const otherwise = "a ban ends by itself after 30 minutes; the dashboard lifts it as well: Database settings, Network bans"

// refused says what a status code means. Nothing that the peer wrote is repeated.
func (a API) refused(response *http.Response, ref, method string) error {
	code := response.StatusCode
	said := strings.TrimSpace(fmt.Sprintf("answered %d %s", code, http.StatusText(code)))
	switch {
	case code == http.StatusUnauthorized:
		return a.failed(said+": it does not take the token in SUPABASE_ACCESS_TOKEN", "make another one: https://supabase.com/dashboard/account/tokens")
	case code == http.StatusForbidden:
		right := "database_network_bans_read"
		if method == http.MethodDelete {
			right = "database_network_bans_write"
		}
		return a.failed(said+": the token may not do this in project "+ref, "it has to be of somebody who may change the project, and with fine-grained rights have "+right)
	case code == http.StatusNotFound:
		return a.failed(said+": it knows no project "+ref+" that the token may see", "is the token of the organization that owns the project?")
	case code == http.StatusTooManyRequests:
		wait := "a minute"
		if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 && seconds <= 3600 {
			wait = fmt.Sprintf("%d seconds", seconds)
		}
		return a.failed(said+": more than 120 calls in a minute", "ask again in "+wait)
	case code/100 == 3:
		return a.failed(said+", which is not followed: the token is for this address alone", "is SIDECAR_SUPABASE_API the management API?")
	case code >= 500:
		return a.failed(said+": the fault is on its side", otherwise)
	}
	return a.failed(said, otherwise)
}
