package classify

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// attempts splits a failure into one chain of errors for each address.
func attempts(err error) []error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		joined, ok := e.(interface{ Unwrap() []error })
		if !ok {
			continue
		}
		var all []error
		for _, one := range joined.Unwrap() {
			all = append(all, attempts(one)...)
		}
		return all
	}
	return []error{err}
}

// innermost is the end of one chain.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// is reports whether an error of that type is in the chain.
func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// ended are the ways a connection says that it is over.
var ended = []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, pgconn.ErrConnClosed}

// refusedEverywhere reports whether every address refused the connection.
func refusedEverywhere(err error) bool {
	return !slices.ContainsFunc(attempts(err), func(one error) bool { return !errors.Is(one, syscall.ECONNREFUSED) })
}

// telling is the innermost text that says where, without the user and the
// database that pgconn puts before it.
func telling(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		if isUnrouted(op) {
			return op.Error() + " (no IPv6 route from here; on Railway outbound IPv6 is off by default)"
		}
		return op.Error()
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.Error()
	}
	if cert, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return cert.Error()
	}
	return innermost(err).Error()
}
