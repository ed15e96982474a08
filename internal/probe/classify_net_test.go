package probe

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

	"dragonfly.internal/sidecar/internal/supervisor"
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
		want    supervisor.Reason
		refused bool
	}{
		{refused, supervisor.ReasonNetwork, true},
		{errors.Join(refused, refused6), supervisor.ReasonNetwork, true},
		{fmt.Errorf("failed to connect: %w", errors.Join(errors.Join(refused), refused6)), supervisor.ReasonNetwork, true},
		{errors.Join(refused, unrouted), supervisor.ReasonNetwork, false},
		{errors.Join(unrouted, timeout), supervisor.ReasonTimeout, false},
		{errors.Join(refused, foreign, timeout), supervisor.ReasonTLS, false},
		{errors.Join(refused, errors.New("nonsense")), supervisor.ReasonUnknown, false},
		{errors.Join(refused, context.Canceled), "", false},
		{&net.DNSError{Err: "i/o timeout", Name: "x.invalid", IsTimeout: true}, supervisor.ReasonTimeout, false},
		{&net.DNSError{Err: "server misbehaving", Name: "x.invalid", IsTemporary: true}, supervisor.ReasonNetwork, false},
		{errors.New("SELECT 1 did not return 1"), supervisor.ReasonUnknown, false},
		{fmt.Errorf("query: %w", context.Canceled), "", false},
		{nil, "", false},
	} {
		o := Classify(Failure{Err: row.err, Step: supervisor.StepDial})
		if o.Reason != row.want || o.Refused != row.refused || o.Step != supervisor.StepDial {
			t.Errorf("%v: %q, refused %t, want %q, %t", row.err, o.Reason, o.Refused, row.want, row.refused)
		}
	}
}

func TestClassifyNamesMissingIPv6(t *testing.T) {
	for ip, want := range map[string]bool{"2001:db8::1": true, "192.0.2.1": false} {
		o := Classify(Failure{Err: dialFailed(ip, syscall.ENETUNREACH)})
		if strings.Contains(o.Message, "IPv6") != want || o.Reason != supervisor.ReasonNetwork {
			t.Errorf("%s: %q %q", ip, o.Reason, o.Message)
		}
	}
}

// The port may belong to somebody else.
func TestClassifyForeignProtocols(t *testing.T) {
	for greeting, want := range map[string]supervisor.Reason{
		"HTTP/1.1 400 Bad Request\r\n":                                supervisor.ReasonConfigRejected,
		"SSH-2.0-OpenSSH_9.2\r\n":                                     supervisor.ReasonConfigRejected,
		"-ERR unknown command\r\n":                                    supervisor.ReasonConfigRejected,
		"Ecould not fork new process for connection: out of memory\n": supervisor.ReasonUnavailable,
		"E\x7f\x00\x00\x01":                                           supervisor.ReasonUnknown,
	} {
		f := scene{dsn: "sslmode=disable", serve: answers(greeting), patient: true}.play(t)
		if o := Classify(f); o.Reason != want || strings.Contains(o.Message, "appdb") {
			t.Errorf("%q: %q %q, want %q", greeting, o.Reason, o.Message, want)
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
		want   supervisor.Reason
	}{
		{hangup.Err, nil, supervisor.ReasonNetwork},
		{hangup.Err, shutdown, supervisor.ReasonUnavailable},
		{hangup.Err, &pgconn.Notice{Code: "08P01", Message: "query_wait_timeout"}, supervisor.ReasonNetwork},
		{hangup.Err, &pgconn.Notice{Code: "28P01", Message: "x"}, supervisor.ReasonNetwork},
		{hangup.Err, &pgconn.Notice{}, supervisor.ReasonNetwork},
		{silence.Err, shutdown, supervisor.ReasonTimeout},
	} {
		o := Classify(Failure{Err: row.err, Notice: row.notice, Step: supervisor.StepQuery})
		if o.Reason != row.want || o.SQLState != "" {
			t.Errorf("%v with %+v: %q %q, want %q", row.err, row.notice, o.Reason, o.Message, row.want)
		}
	}
}

// pgconn's words about a DSN carry tails of its password.
func TestClassifyHidesTheDSN(t *testing.T) {
	_, err := pgconn.ParseConfig("postgres://app:se#cret@word@host:port/db")
	o := Classify(Failure{Err: fmt.Errorf("config: %w", err)})
	if o.Reason != supervisor.ReasonConfigRejected || o.Message != unreadableWords {
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
		if got := oneLine(words); got != strings.TrimSpace(want) {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
}
