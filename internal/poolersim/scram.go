package poolersim

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
)

// iterations is PostgreSQL's default.
const iterations = 4096

// scram runs the server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677). Only the
// client's last message counts as a credential: the first holds a nonce alone.
func (s *session) scram() (right bool, err error) {
	initial, err := askFor[*pgproto3.SASLInitialResponse](s, &pgproto3.AuthenticationSASL{AuthMechanisms: []string{"SCRAM-SHA-256"}}, pgproto3.AuthTypeSASL)
	if err != nil {
		return false, err
	}
	talk, err := newSCRAM(string(initial.Data))
	if err != nil {
		return false, err
	}
	final, err := askFor[*pgproto3.SASLResponse](s, &pgproto3.AuthenticationSASLContinue{Data: []byte(talk.serverFirst())}, pgproto3.AuthTypeSASLContinue)
	if err != nil {
		return false, err
	}
	signature, right := talk.verify(string(final.Data), s.script.Password)
	if err := s.credential(); err != nil || !right {
		return false, err
	}
	return true, s.send(&pgproto3.AuthenticationSASLFinal{Data: []byte("v=" + signature)})
}

// scramTalk is what both sides have said so far.
type scramTalk struct {
	header string // the client's words on channel binding, which it repeats
	bare   string // the rest of its first message
	nonce  string // its nonce and ours
	salt   string
}

func newSCRAM(clientFirst string) (*scramTalk, error) {
	parts := strings.SplitN(clientFirst, ",", 3)
	if len(parts) < 3 {
		return nil, errors.New("scram: the client's first message has no header")
	}
	_, nonce, found := strings.Cut(parts[2], "r=")
	if !found {
		return nil, errors.New("scram: the client's first message has no nonce")
	}
	return &scramTalk{
		header: parts[0] + "," + parts[1] + ",",
		bare:   parts[2],
		nonce:  nonce + rand.Text(),
		salt:   rand.Text(),
	}, nil
}

func (t *scramTalk) serverFirst() string {
	return fmt.Sprintf("r=%s,s=%s,i=%d", t.nonce, encode64([]byte(t.salt)), iterations)
}

// verify judges the client's proof and returns the server's own. A password
// outside ASCII is taken as it is, without SASLprep.
func (t *scramTalk) verify(clientFinal, password string) (signature string, right bool) {
	said, proof, _ := strings.Cut(clientFinal, ",p=")
	if said != "c="+encode64([]byte(t.header))+",r="+t.nonce {
		return "", false
	}
	salted, err := pbkdf2.Key(sha256.New, password, []byte(t.salt), iterations, sha256.Size)
	if err != nil {
		return "", false
	}
	message := t.bare + "," + t.serverFirst() + "," + said
	clientKey := sign(salted, "Client Key")
	storedKey := sha256.Sum256(clientKey)
	want := make([]byte, sha256.Size)
	subtle.XORBytes(want, clientKey, sign(storedKey[:], message))
	return encode64(sign(sign(salted, "Server Key"), message)), proof == encode64(want)
}

func sign(key []byte, message string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(message))
	return mac.Sum(nil)
}

func encode64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
