package probe

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// Limits of what a peer may send. The answers to one login and SELECT 1 are a few
// kilobytes with TLS and certificates; more is not the database that was asked for,
// and would only cost memory (docs/security.md#what-a-peer-can-cost).
const (
	maxMessage      = 64 << 10  // one message
	maxProbeBytes   = 256 << 10 // one connection of a probe, notices and all
	maxSessionRows  = 2000      // groups of sessions that are alike
	maxSessionBytes = 1 << 20   // one connection that asks for them
)

// FloodError ends a probe whose peer sends more than any answer needs.
type FloodError struct {
	Limit int64 // bytes
}

func (e *FloodError) Error() string {
	return fmt.Sprintf("the server sent more than %d KiB, which no answer to this question needs", e.Limit>>10)
}

// firstRows reads at most so many rows, one at a time, and hangs up on whoever
// sends more: what is not read takes no memory.
func firstRows(reader *pgconn.ResultReader, most int, take func(row [][]byte) error) error {
	rows := 0
	for reader.NextRow() {
		if rows++; rows > most {
			return fmt.Errorf("the server sent more than %d rows", most)
		}
		if err := take(reader.Values()); err != nil {
			return err
		}
	}
	_, err := reader.Close()
	return err
}

// ownFaults are what our own system says when it has no room for a connection.
var ownFaults = []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS}

// ownFault is the fault of our own side, if an attempt failed by one: it says
// nothing about the database. The resolver keeps the words of such an error only.
func ownFault(err error) error {
	dns, resolving := errors.AsType[*net.DNSError](err)
	for _, fault := range ownFaults {
		if errors.Is(err, fault) || resolving && strings.HasSuffix(dns.Err, fault.Error()) {
			return fault
		}
	}
	return nil
}
