package dsn

import (
	"fmt"
	"strings"
)

// Encoding says how the password stands in the raw text (docs/dsn.md#password_encoding).
type Encoding string

// The encodings. A Report always has one of them; where no password can be told
// apart at all it is Missing.
const (
	SafePlain     Encoding = "safe_plain"     // only A-Za-z0-9-._~
	Encoded       Encoding = "encoded"        // besides these only %XX
	NeedsEncoding Encoding = "needs_encoding" // anything else: readers differ
	Missing       Encoding = "missing"        // no password, or an empty one
)

// Encodings lists every Encoding, for label values and documentation.
var Encodings = []Encoding{SafePlain, Encoded, NeedsEncoding, Missing}

// encodingOf judges the raw text of a password.
func encodingOf(raw string) Encoding {
	switch {
	case raw == "":
		return Missing
	case !wellFormed(raw):
		return NeedsEncoding
	case strings.Contains(raw, "%"):
		return Encoded
	}
	return SafePlain
}

// Encode percent-encodes every byte but A-Za-z0-9-._~ (RFC 3986, 2.3). The
// standard library's escapers are both wrong for a password: one writes a space
// as +, the other leaves @ (docs/facts.md#wrong-encoders).
func Encode(password string) string {
	var b strings.Builder
	for i := range len(password) {
		if c := password[i]; unreserved(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// decode replaces every %XX; false when a % is not followed by two hex digits.
// A + stays a plus, as in libpq.
func decode(raw string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] != '%' {
			b.WriteByte(raw[i])
			continue
		}
		if i+2 >= len(raw) || unhex(raw[i+1]) < 0 || unhex(raw[i+2]) < 0 {
			return "", false
		}
		b.WriteByte(byte(unhex(raw[i+1])<<4 | unhex(raw[i+2])))
		i += 2
	}
	return b.String(), true
}

// wellFormed reports whether raw has only unreserved characters and %XX: the
// one form that every reader takes alike.
func wellFormed(raw string) bool {
	_, ok := decode(raw)
	for i := range len(raw) {
		ok = ok && (unreserved(raw[i]) || raw[i] == '%')
	}
	return ok
}

// unreserved is RFC 3986, 2.3.
func unreserved(c byte) bool {
	return letterOrDigit(c) || strings.IndexByte("-._~", c) >= 0
}

func letterOrDigit(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// unhex returns the value of a hex digit, -1 for any other byte.
func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
