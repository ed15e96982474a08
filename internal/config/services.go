package config

import (
	"net/netip"
	"net/url"
	"strings"

	"dragonfly.internal/sidecar/internal/dsn"
)

// isToken reports whether a text can stand in a header.
func isToken(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// isPrivate reports whether a token that is sent to an address is read by nobody on
// the way: over TLS, or on this machine, whatever a resolver says of its name.
func isPrivate(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	address, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && address.IsLoopback())
}

// SupabaseToken is the management API's.
func (c Config) SupabaseToken() dsn.Secret { return dsn.NewSecret(c.AccessToken) }
