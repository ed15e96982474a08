package classify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"

	"github.com/jackc/pgx/v5/pgproto3"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// driverTexts are the faults that pgconn and crypto/tls name in words only. The
// innermost text is compared, which is never the peer's.
var driverTexts = []phrase{
	{text: `server refused TLS connection`, verdict: tlsRefused},
	{text: `tls: *`, verdict: tlsFault},
	{text: `x509: *`, verdict: tlsFault},

	// Supavisor before 2.6 says e=Wrong password there, which pgconn leaves out.
	{text: `invalid SCRAM server-final-message received from server`, verdict: authFailed},
	{text: `invalid SCRAM ServerSignature received from server`, verdict: authFailed},

	{text: `server does not support SCRAM-SHA-256`, verdict: configRejected},
	{text: `channel binding required*`, verdict: configRejected},
	{text: `authentication method requirement *`, verdict: configRejected},
	{text: `server protocol version too low*`, verdict: configRejected},
	{text: `kerberos error: no GSSAPI provider registered*`, verdict: configRejected},
	{text: `OAuth authentication required*`, verdict: configRejected},
}

// precedence is which of several addresses' faults is told: the one that says
// most about the way to the pooler.
var precedence = []machine.Reason{
	machine.ReasonTLS, machine.ReasonAuthFailed, machine.ReasonConfigRejected, machine.ReasonUnavailable,
	machine.ReasonUnknown, machine.ReasonTimeout, machine.ReasonNetwork,
}

// readBroken reads a failure in which the peer refused nothing.
func readBroken(err error) (v verdict, words string) {
	first := len(precedence)
	for _, attempt := range attempts(err) {
		said, saidWords := readAttempt(attempt)
		if at := slices.Index(precedence, said.reason); at < first {
			first, v, words = at, said, saidWords
		}
	}
	return v, words
}

// readAttempt reads what became of one address. TLS comes before the network:
// its faults hide inside a failed write (docs/facts.md#tls-faults).
//
// What is left is `unknown`, not `network`: the connection did carry something,
// and neither side's words explain it. It may have been a login, so the slow
// retry of `unknown` is the careful one.
func readAttempt(err error) (verdict, string) {
	last := innermost(err)
	if isTLS(err) {
		return verdict{reason: machine.ReasonTLS, detail: tlsDetail(err)}, telling(err)
	}
	if isTimeout(err) {
		if words := telling(err); words != context.DeadlineExceeded.Error() {
			return verdict{reason: machine.ReasonTimeout, detail: netDetail(err)}, words
		}
		return timedOut, "no answer in time"
	}
	if long, ok := errors.AsType[*pgproto3.ExceededMaxBodyLenErr](err); ok {
		return readForeign(long)
	}
	for _, row := range driverTexts {
		if _, ok := row.text.match(last.Error(), false); ok {
			return row.verdict, last.Error()
		}
	}
	if isNetwork(err) {
		return verdict{reason: machine.ReasonNetwork, detail: netDetail(err)}, telling(err)
	}
	return unknownWords, last.Error()
}

// readForeign reads a message whose length cannot be one: where PostgreSQL puts
// the length, another protocol has the second to fifth byte of its greeting.
// "HTTP/1.1" reads 1414811691.
func readForeign(long *pgproto3.ExceededMaxBodyLenErr) (verdict, string) {
	bytes := binary.BigEndian.AppendUint32(nil, uint32(long.ActualBodyLen+4))
	foreign := !slices.ContainsFunc(bytes, func(b byte) bool { return b < ' ' || b > '~' })
	switch {
	case string(bytes) == "coul":
		// The postmaster, out of processes, says so without a protocol:
		// "Ecould not fork new process for connection".
		return unavailable, "could not fork new process for connection"
	case foreign:
		return notPostgreSQL, fmt.Sprintf("not a PostgreSQL port: its answer starts with ?%s", bytes)
	}
	return unknownWords, long.Error()
}

// isTLS tells by type, as far as there are types.
func isTLS(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "remote error" || op.Op == "local error") {
		return true // a TLS alert, theirs or ours
	}
	return is[*tls.CertificateVerificationError](err) || is[tls.RecordHeaderError](err) || is[tls.AlertError](err) ||
		is[x509.UnknownAuthorityError](err) || is[x509.HostnameError](err) || is[x509.CertificateInvalidError](err) ||
		is[x509.SystemRootsError](err) || is[x509.InsecureAlgorithmError](err) ||
		is[x509.ConstraintViolationError](err) || is[x509.UnhandledCriticalExtension](err)
}

func isTimeout(err error) bool {
	netErr, ok := errors.AsType[net.Error](err)
	return ok && netErr.Timeout() || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// isNetwork covers the resolver, the sockets and a connection that ended.
// pgconn's ErrConnClosed is one that had ended before.
func isNetwork(err error) bool {
	return is[net.Error](err) || slices.ContainsFunc(ended, func(end error) bool { return errors.Is(err, end) })
}

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
	case slices.ContainsFunc(ours, func(own error) bool { return errors.Is(err, own) }):
		return machine.DetailLocalFault
	case isLookup && lookup.IsNotFound:
		return machine.DetailDNSNoSuchHost
	case isLookup:
		return machine.DetailDNSFailed
	case isOp && isUnrouted(op):
		return machine.DetailNoIPv6Route
	}
	return ""
}

// ours are the faults of this machine.
var ours = []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS}

// isUnrouted reports whether an address could not be reached for want of IPv6: off by
// default on Railway, and all that db.REF.supabase.co has (docs/facts.md#railway-ipv6).
func isUnrouted(op *net.OpError) bool {
	addr, ok := op.Addr.(*net.TCPAddr)
	return ok && addr.IP.To4() == nil && (errors.Is(op, syscall.ENETUNREACH) ||
		errors.Is(op, syscall.EHOSTUNREACH) || errors.Is(op, syscall.EADDRNOTAVAIL))
}
