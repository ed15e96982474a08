package dsn

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// mask stands wherever a secret would.
const mask = "****"

// Secret holds a password that no printer can reach: not fmt with any verb, not
// encoding/json, not log/slog. The text sits behind a pointer because fmt does
// not call methods on unexported fields, and would print a string there. The
// zero value is no secret.
type Secret struct{ p *string }

// NewSecret hides text. An empty text gives the zero value.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{p: &text}
}

// Reveal returns the clear text, "" for the zero value. It is the only way to
// it: search for the name to see who reads passwords.
func (s Secret) Reveal() string {
	if s.p == nil {
		return ""
	}
	return *s.p
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.p == nil }

// Equal reports whether both hold the same text, in constant time.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String returns "****", or "" for the zero value.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return mask
}

// GoString implements [fmt.GoStringer] with the text of String.
func (s Secret) GoString() string { return s.String() }

// Format implements [fmt.Formatter]: every verb prints the text of String.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText implements [encoding.TextMarshaler] with the text of String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON implements [encoding/json.Marshaler] with the text of String.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// LogValue implements [slog.LogValuer] with the text of String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
