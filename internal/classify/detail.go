package classify

import (
	"crypto/x509"
	"errors"
	"net"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// tlsDetail says which fault of TLS it is, as far as there are types.
func tlsDetail(err error) machine.Detail {
	invalid, _ := errors.AsType[x509.CertificateInvalidError](err)
	switch {
	case is[x509.HostnameError](err):
		return machine.DetailTLSHostname
	case is[x509.UnknownAuthorityError](err):
		return machine.DetailTLSUnknownAuthority
	case invalid.Cert != nil && invalid.Reason == x509.Expired:
		return machine.DetailTLSExpired
	case innermost(err).Error() == "tls: certificate required": // an alert, whose type is not exported
		return machine.DetailTLSClientCertificate
	}
	return ""
}

// netDetail says what of the way to the server failed.
func netDetail(err error) machine.Detail {
	lookup, isLookup := errors.AsType[*net.DNSError](err)
	op, isOp := errors.AsType[*net.OpError](err)
	switch {
	case isLookup && lookup.IsNotFound:
		return machine.DetailDNSNoSuchHost
	case isLookup:
		return machine.DetailDNSFailed
	case isOp && isUnrouted(op):
		return machine.DetailNoIPv6Route
	}
	return ""
}
