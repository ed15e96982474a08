package probe

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"

	"dragonfly.internal/sidecar/internal/classify"
	"dragonfly.internal/sidecar/internal/dsn"
)

// Trace is how far one probe came. What came after that the outcome tells. The
// zero value is a probe that did not find an address.
type Trace struct {
	Addresses []string // of the host
	Address   string   // the last one with a connection
	TLS       string   // the version, such as "TLS 1.3"
	Names     []string // of the certificate that the server showed
	Chain     []string // its subject, and the issuers above it as far as they were shown
	// Routed: the server wanted to go on after the startup message, mostly with
	// the password. A pooler that cannot route the user refuses before
	// (docs/facts.md#supavisor-routing).
	Routed bool
}

// shake notes what a TLS handshake brought. A certificate that was not believed
// is in the error.
func (t *Trace) shake(state tls.ConnectionState, err error) {
	shown := state.PeerCertificates
	if doubted, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		shown = doubted.UnverifiedCertificates
	}
	if err == nil {
		t.TLS = tls.VersionName(state.Version)
	}
	if len(shown) == 0 {
		return
	}
	t.Names = names(shown[0])
	for _, certificate := range shown {
		t.Chain = append(t.Chain, certificate.Subject.String())
	}
	if last := shown[len(shown)-1]; last.Subject.String() != last.Issuer.String() {
		t.Chain = append(t.Chain, last.Issuer.String())
	}
}

// names are the host names and addresses that a certificate is for.
func names(certificate *x509.Certificate) []string {
	all := slices.Clone(certificate.DNSNames)
	for _, ip := range certificate.IPAddresses {
		all = append(all, ip.String())
	}
	return all
}

// scrubbed is the trace with the server's own words fit to print.
func (t Trace) scrubbed(scrub *dsn.Scrubber) Trace {
	for _, words := range [][]string{t.Names, t.Chain} {
		for i := range words {
			words[i] = scrub.Scrub(classify.OneLine(words[i]))
		}
	}
	return t
}
