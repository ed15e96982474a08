package classify

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// LongestGreeting is how many of the first bytes of a peer tell what it speaks.
const LongestGreeting = 32

// readGreeting reads the first bytes of a peer, with which another protocol
// gives itself away (docs/facts.md#wrong-server). PostgreSQL begins with one
// letter for the question about TLS, or with a letter and a length whose first
// byte is 0.
func readGreeting(first []byte) (v verdict, words string, ok bool) {
	switch {
	case bytes.HasPrefix(first, []byte("Ecould ")):
		// The postmaster, out of processes, says so without a protocol:
		// "Ecould not fork new process for connection".
		return unavailable, "could not fork new process for connection", true
	case isMySQL(first):
		return notPostgreSQL, "not a PostgreSQL port: MySQL or MariaDB answers there", true
	case len(first) >= 5 && first[0] != 'E' && !slices.ContainsFunc(first[:5], isUnprintable):
		said, _, _ := strings.Cut(string(first), "\n")
		return notPostgreSQL, fmt.Sprintf("not a PostgreSQL port: its answer starts with %s", strings.TrimSpace(said)), true
	}
	return verdict{}, "", false
}

func isUnprintable(b byte) bool { return b < ' ' || b > '~' }

// isMySQL tells MySQL's first packet: three bytes of length, the number 0, then
// version 10 of its protocol and its own, or an error (255) and its number, from
// 1000 on. PostgreSQL's fields are letters there.
func isMySQL(first []byte) bool {
	if len(first) < 7 || first[2] != 0 || first[3] != 0 {
		return false
	}
	return first[4] == 10 && '0' <= first[5] && first[5] <= '9' || first[4] == 255 && first[6] >= 1000>>8 && first[6] < ' '
}
