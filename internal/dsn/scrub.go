package dsn

import (
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// pieceLength is the number of characters from which a piece of a password
// counts as one (docs/design.md#invariants-and-their-tests, 5).
const pieceLength = 4

// fixedWords are words of ours and of the poolers that stay readable even when
// a password holds them: they say nothing about it.
const fixedWords = `
password authentication failed for user database server login has been failing, try again later cached error
server_login_retry query_wait_timeout circuit breaker too many authentication failures, new connections are
temporarily blocked tenant or user not found the database system is starting up shutting down connect failed
connection refused timeout no such host failed to connect to dial tcp tls certificate postgresql postgres
pooler supabase shared dedicated direct sslmode require reference options localhost loopback`

// Scrubber takes every piece of one DSN's password out of foreign texts, such as
// the errors of a driver, which quote what they could not read
// (docs/facts.md#errors-with-passwords). The zero value and nil change nothing. It
// may be used by several goroutines.
type Scrubber struct {
	raw      Secret // the whole DSN, replaced by its redacted form first
	redacted string
	secrets  []Secret // every spelling of the password, in lower case
	public   []string // what may stay although a secret holds it
}

// NewScrubber learns the password from the raw text, at its longest: from the
// first colon to the last @ that any reader could see. Of a text that can't be
// read all that follows is secret as well, and where no password can be told
// apart, everything. The password of d, which may have come from a prompt, is
// learned too.
func NewScrubber(raw string, d DSN) *Scrubber {
	s := &Scrubber{raw: NewSecret(raw), redacted: d.Redacted(), public: []string{fixedWords}}
	start, end, _ := passwordSpan(raw)
	before := raw[:start]
	if d.doubtful { // the password may be what stands in the user's place
		scheme, user, _ := strings.Cut(before, "://")
		before = scheme
		s.learn(strings.TrimSuffix(user, ":"))
	}
	s.public = append(s.public, before)
	s.learn(raw[start:end])
	if d.Host == "" {
		s.learn(raw[start:])
	} else {
		s.learnTail(raw[end:])
	}
	s.learn(d.Password.Reveal())
	return s
}

// learnTail finds a password in the parameters, where none belongs, and takes
// the rest for public.
func (s *Scrubber) learnTail(tail string) {
	public, query, _ := strings.Cut(tail, "?")
	for query != "" {
		pair, rest, _ := strings.Cut(query, "&")
		rawName, value, _ := strings.Cut(pair, "=")
		if name, _ := decode(rawName); holdsPassword(strings.ToLower(name)) {
			s.learn(value)
			s.learn(strings.TrimPrefix(query[len(rawName):], "=")) // a raw & may have cut it
			break
		}
		public += " " + pair
		query = rest
	}
	s.public = append(s.public, public)
}

func holdsPassword(name string) bool {
	return strings.Contains(name, "pass") || strings.Contains(name, "pwd")
}

// learn adds a secret as it stands, decoded, and as others would write it.
func (s *Scrubber) learn(secret string) {
	if secret == "" {
		return
	}
	plain := secret
	if decoded, ok := decode(secret); ok {
		plain = decoded
	}
	quoted := strconv.Quote(plain)
	for _, spelling := range []string{
		secret, plain, quoted[1 : len(quoted)-1], Encode(plain),
		url.QueryEscape(plain), url.PathEscape(plain), url.UserPassword("", plain).String(),
	} {
		hidden := NewSecret(fold(spelling))
		if !slices.ContainsFunc(s.secrets, hidden.Equal) {
			s.secrets = append(s.secrets, hidden)
		}
	}
}

// Scrub returns text with **** for every longest piece of 4 or more characters
// that it shares with the password in any case, unless the rest of the DSN or a
// fixed word holds that piece as well.
func (s *Scrubber) Scrub(text string) string {
	if s == nil || len(s.secrets) == 0 {
		return text
	}
	if raw := s.raw.Reveal(); len(raw) >= pieceLength {
		text = strings.ReplaceAll(text, raw, s.redacted)
	}
	var b strings.Builder
	folded, hidden := fold(text), 0 // text[:hidden] is masked or written
	for i := range len(text) {
		if n := s.pieceAt(text[i:], folded[i:]); n > 0 {
			if i >= hidden {
				b.WriteString(mask)
			}
			hidden = max(hidden, i+n)
		}
		if i >= hidden {
			b.WriteByte(text[i])
		}
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD") // a mask may have cut a character
}

// pieceAt returns the length of the longest piece of a secret that text begins
// with, 0 when there is none or it is public.
func (s *Scrubber) pieceAt(text, folded string) int {
	longest := 0
	for _, hidden := range s.secrets {
		secret := hidden.Reveal()
		if len(folded) < pieceLength || !strings.Contains(secret, folded[:pieceLength]) {
			continue
		}
		tooLong := sort.Search(len(folded)+1, func(n int) bool { return !strings.Contains(secret, folded[:n]) })
		longest = max(longest, tooLong-1)
	}
	if slices.ContainsFunc(s.public, func(public string) bool { return strings.Contains(public, text[:longest]) }) {
		return 0
	}
	return longest
}

// fold lowers ASCII letters and keeps every byte in its place.
func fold(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
