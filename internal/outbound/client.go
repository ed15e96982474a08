// Package outbound is how the sidecar calls services that are not its database: with
// a secret that is for one address alone, and an answer that nobody has to believe.
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
)

// NewClient returns a client that follows no redirect and takes no proxy from the
// environment, so that what it sends reaches one address. Every call has a
// connection of its own. Nil roots are the system's.
func NewClient(roots *x509.CertPool) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Explain says why a call got no answer. It repeats neither the address, whose path
// may be a secret, nor what the peer has sent, which may hold what it was sent.
func Explain(err error) string {
	if asking, ok := errors.AsType[*url.Error](err); ok {
		err = asking.Err
	}
	name, unknown := errors.AsType[*net.DNSError](err)
	verify, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, network := errors.AsType[*net.OpError](err)
	number, numbered := errors.AsType[syscall.Errno](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case unknown && name.IsNotFound:
		return "no such host"
	case unknown:
		return "the host's name cannot be looked up"
	case untrusted:
		return "its certificate is not to be trusted: " + because(verify.Err)
	case noTLS, errors.Is(err, http.ErrSchemeMismatch):
		return "no TLS is spoken there"
	case alert:
		return "TLS failed"
	case numbered:
		return number.Error()
	case network, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection ended without an answer"
	}
	return "what came back is no answer over HTTP"
}

// because says what is wrong with a certificate.
func because(err error) string {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	_, name := errors.AsType[x509.HostnameError](err)
	switch {
	case name:
		return "it is another host's"
	case ok && invalid.Reason == x509.Expired:
		return "it has expired, or is not valid yet"
	}
	return "nobody we trust has signed it"
}
