package dsn

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"
)

// DSN is one reading of a connection URL: the only one, or it is not valid. The
// zero value knows nothing. A DSN that [Judge] could not read has only Mode and
// Encoding. It prints as [DSN.Redacted].
type DSN struct {
	Mode        Mode
	Host        string // lower case, no trailing dot, IPv6 without brackets
	Port        uint16 // 5432 when the text has none
	User        string // decoded, with its ref; what the pooler gets. Print RedactedUser
	UserBase    string // the role alone. Print PublicRole
	ProjectRef  string // effective ref, "invalid" for what is none, "" on a host of neither pattern
	Region      string // of a shared host, like us-east-1
	Password    Secret // decoded; none while its reading is in doubt
	Database    string // decoded; without one the user name, libpq's default. Print PublicDatabase
	SSLMode     string // effective; "" when none, or none that libpq knows, is given
	SSLRootCert string // file of sslrootcert, as given
	Reference   string // REF of options=reference=REF; set on a shared host only
	Encoding    Encoding
	Dropped     []string // names of parameters that are never sent

	role       string // for hints: the role as far as it may be shown, without any ref
	doubtful   bool   // user and password may be turned round
	noDatabase bool   // the text names none
}

// KeySource names what a lockout is on (docs/dsn.md#what-a-lockout-is-on):
// "shared/REF" whatever the cluster, user and port, "db/REF" for both ports, else
// "host:port". It is "" when no host could be read.
func (d DSN) KeySource() string {
	at := placeOf(d.Host)
	switch {
	case d.Host == "":
		return ""
	case at.shared && d.ProjectRef != "":
		return "shared/" + d.ProjectRef
	case at.db:
		return "db/" + d.ProjectRef
	}
	return d.address()
}

// Key is the form of KeySource that may be shown to anybody: 8 hex digits of
// its hash. It is "" when no host could be read.
func (d DSN) Key() string {
	source := d.KeySource()
	if source == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(source))
	return hex.EncodeToString(sum[:4])
}

// Fingerprint tells one credential from another without keeping it: of all that
// makes the credential of a hold (docs/states.md#beside-the-table).
func (d DSN) Fingerprint(key []byte) string {
	return Fingerprint(key, d.KeySource(), d.User, d.Database, d.Password.Reveal())
}

// Fingerprint is a hash under a key of the caller's, as 8 hex digits: enough to
// tell two texts apart, too few to find a password by trying. Lengths are hashed
// too, so that no two parts run together.
func Fingerprint(key []byte, parts ...string) string {
	mac := hmac.New(sha256.New, key)
	for _, part := range parts {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

// address is host:port, with brackets around an IPv6 address.
func (d DSN) address() string {
	host := d.Host
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is6() {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(int(d.Port))
}
