package classify

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Every detail has a failure that shows it, and comes with one reason's words.
func TestClassifyDetails(t *testing.T) {
	untrusted := &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	rows := []struct {
		failure Failure
		reason  machine.Reason
		want    machine.Detail
	}{
		{Failure{Err: fmt.Errorf("write failed: %w", untrusted)}, machine.ReasonTLS, machine.DetailTLSUnknownAuthority},
		{Failure{Err: x509.UnknownAuthorityError{}}, machine.ReasonTLS, machine.DetailTLSUnknownAuthority},
		{Failure{Err: x509.HostnameError{Certificate: new(x509.Certificate)}}, machine.ReasonTLS, machine.DetailTLSHostname},
		{Failure{Err: x509.CertificateInvalidError{Cert: new(x509.Certificate), Reason: x509.Expired}}, machine.ReasonTLS, machine.DetailTLSExpired},
		{Failure{Err: x509.CertificateInvalidError{Cert: new(x509.Certificate), Reason: x509.NotAuthorizedToSign}}, machine.ReasonTLS, ""},
		{Failure{Err: errors.New("server refused TLS connection")}, machine.ReasonTLS, machine.DetailTLSRefused},
		{said("08P01", "SSL required"), machine.ReasonTLS, machine.DetailTLSRequired},
		{scene{dsn: "sslmode=require", serve: secures(tls.RequireAnyClientCert, "localhost"), patient: true}.play(t),
			machine.ReasonTLS, machine.DetailTLSClientCertificate},

		{Failure{Err: &net.DNSError{Err: "no such host", IsNotFound: true}}, machine.ReasonNetwork, machine.DetailDNSNoSuchHost},
		{Failure{Err: &net.DNSError{Err: "server misbehaving", IsTemporary: true}}, machine.ReasonNetwork, machine.DetailDNSFailed},
		{Failure{Err: &net.DNSError{Err: "i/o timeout", IsTimeout: true}}, machine.ReasonTimeout, machine.DetailDNSFailed},
		{Failure{Err: dialFailed("2001:db8::1", syscall.ENETUNREACH)}, machine.ReasonNetwork, machine.DetailNoIPv6Route},
		{Failure{Err: dialFailed("192.0.2.1", syscall.ENETUNREACH)}, machine.ReasonNetwork, ""},
		{Failure{Err: dialFailed("192.0.2.1", syscall.ECONNREFUSED)}, machine.ReasonNetwork, machine.DetailConnectionRefused},

		{scene{dsn: "sslmode=disable", serve: answers("HTTP/1.1 400 Bad Request\r\n\r\n"), patient: true}.play(t),
			machine.ReasonConfigRejected, machine.DetailNotPostgreSQL},
		{said("28000", `pg_hba.conf rejects connection for host "::1", user "a", database "b", no encryption`), machine.ReasonConfigRejected, machine.DetailAuthRule},
		{said("3D000", `Datenbank »x« existiert nicht`), machine.ReasonConfigRejected, machine.DetailNoDatabase},
		{said("08P01", `no such database: x`), machine.ReasonConfigRejected, machine.DetailNoDatabase},
		{said("08P01", "unsupported startup parameter: pgbouncer"), machine.ReasonConfigRejected, machine.DetailStartupParameter},
		{Failure{Err: said("28P01", `password authentication failed for user "authuser"`).Err, User: "app"}, machine.ReasonConfigRejected, machine.DetailPoolerLogin},
		{said("08P01", "server login failed: wrong password type"), machine.ReasonConfigRejected, machine.DetailPoolerLogin},
		{said("28P01", "odyssey: c1: host based authentication rejected"), machine.ReasonConfigRejected, machine.DetailAuthRule},
		{said("42704", `unrecognized configuration parameter "pgbouncer"`), machine.ReasonConfigRejected, machine.DetailStartupParameter},
		{said("XX000", "(EBANNED) tenant is banned: REASON"), machine.ReasonConfigRejected, machine.DetailTenantBanned},
		{said("08P01", "bouncer config error"), machine.ReasonUnavailable, machine.DetailPoolerConfig},
		{said("28P01", `password authentication failed for user "app"`), machine.ReasonAuthFailed, ""},
	}
	shown := map[machine.Detail]bool{}
	for _, row := range rows {
		o := Classify(row.failure)
		if o.Reason != row.reason || o.Detail != row.want {
			t.Errorf("%v: %q with detail %q, want %q with %q", row.failure.Err, o.Reason, o.Detail, row.reason, row.want)
		}
		shown[o.Detail] = true
	}
	for _, detail := range machine.Details {
		if !shown[detail] {
			t.Errorf("nothing shows %q", detail)
		}
	}
}
