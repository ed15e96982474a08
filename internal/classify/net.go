package classify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"slices"
	"syscall"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

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
	for _, row := range driverTexts {
		if _, ok := row.text.match(last.Error()); ok {
			return row.verdict, last.Error()
		}
	}
	if isNetwork(err) {
		return verdict{reason: machine.ReasonNetwork, detail: netDetail(err)}, telling(err)
	}
	return unknownWords, last.Error()
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

// isUnrouted reports whether an address could not be reached for want of IPv6: off by
// default on Railway, and all that db.REF.supabase.co has (docs/facts.md#railway-ipv6).
func isUnrouted(op *net.OpError) bool {
	addr, ok := op.Addr.(*net.TCPAddr)
	return ok && addr.IP.To4() == nil && (errors.Is(op, syscall.ENETUNREACH) ||
		errors.Is(op, syscall.EHOSTUNREACH) || errors.Is(op, syscall.EADDRNOTAVAIL))
}
