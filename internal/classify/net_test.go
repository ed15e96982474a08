package classify

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// dialFailed is the error of one address.
func dialFailed(ip string, errno syscall.Errno) error {
	to := &net.TCPAddr{IP: net.ParseIP(ip), Port: 6543}
	return fmt.Errorf("dial error: %w", &net.OpError{Op: "dial", Net: "tcp", Addr: to, Err: os.NewSyscallError("connect", errno)})
}

func TestClassifyAddresses(t *testing.T) {
	var (
		refused  = dialFailed("192.0.2.1", syscall.ECONNREFUSED)
		refused6 = dialFailed("2001:db8::1", syscall.ECONNREFUSED)
		unrouted = dialFailed("2001:db8::1", syscall.ENETUNREACH)
		timeout  = fmt.Errorf("192.0.2.1 did not answer: %w", context.DeadlineExceeded)
		foreign  = fmt.Errorf("write failed: %w", x509.UnknownAuthorityError{})
	)
	for _, row := range []struct {
		err     error
		want    machine.Reason
		refused bool
	}{
		{refused, machine.ReasonNetwork, true},
		{errors.Join(refused, refused6), machine.ReasonNetwork, true},
		{fmt.Errorf("failed to connect: %w", errors.Join(errors.Join(refused), refused6)), machine.ReasonNetwork, true},
		{errors.Join(refused, unrouted), machine.ReasonNetwork, false},
		{errors.Join(unrouted, timeout), machine.ReasonTimeout, false},
		{errors.Join(refused, foreign, timeout), machine.ReasonTLS, false},
		{errors.Join(refused, errors.New("nonsense")), machine.ReasonUnknown, false},
		{errors.Join(refused, context.Canceled), "", false},
		{&net.DNSError{Err: "i/o timeout", Name: "x.invalid", IsTimeout: true}, machine.ReasonTimeout, false},
		{&net.DNSError{Err: "server misbehaving", Name: "x.invalid", IsTemporary: true}, machine.ReasonNetwork, false},
		{errors.New("SELECT 1 did not return 1"), machine.ReasonUnknown, false},
		{fmt.Errorf("query: %w", context.Canceled), "", false},
		{nil, "", false},
	} {
		o := Classify(Failure{Err: row.err, Step: machine.StepDial})
		if o.Reason != row.want || o.Refused != row.refused || o.Step != machine.StepDial {
			t.Errorf("%v: %q, refused %t, want %q, %t", row.err, o.Reason, o.Refused, row.want, row.refused)
		}
	}
}

func TestClassifyNamesMissingIPv6(t *testing.T) {
	for ip, want := range map[string]bool{"2001:db8::1": true, "192.0.2.1": false} {
		o := Classify(Failure{Err: dialFailed(ip, syscall.ENETUNREACH)})
		if strings.Contains(o.Message, "IPv6") != want || o.Reason != machine.ReasonNetwork {
			t.Errorf("%s: %q %q", ip, o.Reason, o.Message)
		}
	}
}

// The port may belong to somebody else.
func TestClassifyForeignProtocols(t *testing.T) {
	const mysql = "J\x00\x00\x00\n8.0.36\x00\x08\x00\x00\x00abcdefgh\x00"
	for greeting, want := range map[string]machine.Reason{
		"HTTP/1.1 400 Bad Request\r\n":  machine.ReasonConfigRejected,
		"SSH-2.0-OpenSSH_9.2\r\n":       machine.ReasonConfigRejected,
		"-ERR unknown command\r\n":      machine.ReasonConfigRejected,
		"220 mail.example ESMTP\r\n":    machine.ReasonConfigRejected,
		mysql:                           machine.ReasonConfigRejected,
		"N" + mysql[1:]:                 machine.ReasonConfigRejected, // as long as PostgreSQL's notices are called
		"E" + mysql[1:]:                 machine.ReasonConfigRejected,
		"S\x00\x00\x00\n11.4.2-MariaDB": machine.ReasonConfigRejected,
		"F\x00\x00\x00\xffj\x04Host '10.0.0.1' is not allowed to connect": machine.ReasonConfigRejected,
		"Ecould not fork new process for connection: out of memory\n":     machine.ReasonUnavailable,
		"N\x00\x00\x00\xffSNOTICE\x00":                                    machine.ReasonNetwork, // PostgreSQL's, and then no more
		"E\x7f\x00\x00\x01":                                               machine.ReasonUnknown,
	} {
		f := scene{dsn: "sslmode=disable", serve: answers(greeting), patient: true}.play(t)
		o := Classify(f)
		if o.Reason != want || strings.Contains(o.Message, "appdb") {
			t.Errorf("%q: %q %q, want %q", greeting, o.Reason, o.Message, want)
		}
		if named := strings.HasPrefix(o.Message, "not a PostgreSQL port: "); named != (want == machine.ReasonConfigRejected) {
			t.Errorf("%q: %q", greeting, o.Message)
		}
	}
}

// A shutdown says why in a notice; nothing else is believed from there, and
// without it the same end is the network's.
func TestClassifyNotices(t *testing.T) {
	hangup := scene{dsn: "sslmode=disable", serve: ready(answers("")), patient: true}.play(t)
	silence := scene{dsn: "sslmode=disable", serve: ready(silent)}.play(t)
	shutdown := &pgconn.Notice{Code: "57P01", Message: "terminating connection due to immediate shutdown command"}
	for _, row := range []struct {
		err    error
		notice *pgconn.Notice
		want   machine.Reason
	}{
		{hangup.Err, nil, machine.ReasonNetwork},
		{hangup.Err, shutdown, machine.ReasonUnavailable},
		{hangup.Err, &pgconn.Notice{Code: "08P01", Message: "query_wait_timeout"}, machine.ReasonNetwork},
		{hangup.Err, &pgconn.Notice{Code: "28P01", Message: "x"}, machine.ReasonNetwork},
		{hangup.Err, &pgconn.Notice{}, machine.ReasonNetwork},
		{silence.Err, shutdown, machine.ReasonTimeout},
	} {
		o := Classify(Failure{Err: row.err, Notice: row.notice, Step: machine.StepQuery})
		if o.Reason != row.want || o.SQLState != "" {
			t.Errorf("%v with %+v: %q %q, want %q", row.err, row.notice, o.Reason, o.Message, row.want)
		}
	}
}

// pgconn's words about a DSN carry tails of its password.
func TestClassifyHidesTheDSN(t *testing.T) {
	_, err := pgconn.ParseConfig("postgres://app:se#cret@word@host:port/db")
	o := Classify(Failure{Err: fmt.Errorf("config: %w", err)})
	if o.Reason != machine.ReasonConfigRejected || o.Message != unreadableWords {
		t.Errorf("%q %q", o.Reason, o.Message)
	}
}

func TestOneLine(t *testing.T) {
	for words, want := range map[string]string{
		"plain":                  "plain",
		" two\r\nlines\t":        "two  lines",
		"\x1b[31mred\u202eder":   " [31mred der",
		"half a rune \xe2\x82":   "half a rune \uFFFD",
		strings.Repeat("ä", 300): strings.Repeat("ä", 300),
		strings.Repeat("ä", 301): strings.Repeat("ä", 299) + "…",
	} {
		if got := OneLine(words); got != strings.TrimSpace(want) {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
}
