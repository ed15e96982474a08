package poolersim

import (
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Method is how a client proves itself. The zero value is Trust.
type Method int

// The methods.
const (
	Trust     Method = iota // not at all
	Cleartext               // the password as it is
	MD5                     // its salted MD5
	SCRAM                   // SCRAM-SHA-256, without channel binding
)

// authenticate asks for the credential that the script wants and judges it. An
// OnWrong that lets things go on ends in PostgreSQL's own refusal: a wrong
// credential never passes.
func (s *session) authenticate() error {
	var right bool
	var err error
	switch s.script.Auth {
	case Trust:
		return nil
	case SCRAM:
		right, err = s.scram()
	default:
		right, err = s.password()
	}
	if err != nil || right {
		return err
	}
	if err := s.act(s.script.OnWrong); err != nil {
		return err
	}
	return WrongPassword(s.params["user"]).perform(s)
}

// password asks for the password, in clear or as MD5.
func (s *session) password() (right bool, err error) {
	want, kind := s.script.Password, uint32(pgproto3.AuthTypeCleartextPassword)
	var ask pgproto3.BackendMessage = &pgproto3.AuthenticationCleartextPassword{}
	if s.script.Auth == MD5 {
		var salt [4]byte
		_, _ = rand.Read(salt[:]) // never fails
		want, kind = "md5"+hexMD5(hexMD5(want+s.params["user"])+string(salt[:])), pgproto3.AuthTypeMD5Password
		ask = &pgproto3.AuthenticationMD5Password{Salt: salt}
	}
	got, err := askFor[*pgproto3.PasswordMessage](s, ask, kind)
	if err != nil {
		return false, err
	}
	return got.Password == want, s.credential()
}

// askFor sends a question and reads its answer, which the wire can tell from
// others only by the question's kind.
func askFor[T pgproto3.FrontendMessage](s *session, question pgproto3.BackendMessage, kind uint32) (T, error) {
	var none T
	if err := s.send(question); err != nil {
		return none, err
	}
	if err := s.wire.SetAuthType(kind); err != nil {
		return none, err
	}
	return receive[T](s)
}

// credential counts one that has arrived and does what the script says to that.
func (s *session) credential() error {
	s.note(Password, nil)
	return s.act(s.script.OnPassword)
}

func hexMD5(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}
