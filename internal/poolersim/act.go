package poolersim

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Act is what the pooler does at a point of the script: a [Refusal], a
// [Silence], a [Notice], [Raw] bytes, a [SASLFinal], a [Flood], a [Drip], a [Call]
// or a [Slow] one of these.
type Act interface {
	// perform does it: nil goes on, errStatement fails one query, anything else
	// ends the connection.
	perform(*session) error
}

var (
	errEnd       = errors.New("the script ends the connection")
	errStatement = errors.New("the script fails the query")
)

// Silence is an act without a word.
type Silence int

// The silences. The zero value is Hang.
const (
	// Hang reads and never answers, until the peer leaves, a CancelRequest names
	// the connection, or the server closes.
	Hang Silence = iota
	// Drop closes the connection.
	Drop
	// Reset closes it with a TCP reset. A net.Pipe has none and is only closed.
	Reset
)

func (a Silence) perform(s *session) error {
	switch a {
	case Hang:
		_, _ = io.Copy(io.Discard, s.raw)
	case Reset:
		if tcp, ok := s.raw.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	}
	return errEnd
}

// Notice says these words in a NoticeResponse, then closes: how an immediate
// shutdown says goodbye (docs/facts.md#shutdown-notice). The zero Severity is WARNING.
type Notice Refusal

func (a Notice) perform(s *session) error {
	words := Refusal(a).response("WARNING")
	return errors.Join(s.send((*pgproto3.NoticeResponse)(words)), errEnd)
}

// Raw sends these bytes, whatever they are, then closes.
type Raw string

// HTTP is the answer of a web server that found itself on the port. Web servers
// listen first: use it at OnTLS or OnStartup.
const HTTP Raw = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

func (a Raw) perform(s *session) error {
	return errors.Join(s.say(string(a)), errEnd)
}

// SASLFinal ends a SCRAM exchange with these words and no error response, then
// closes: Supavisor before 2.6 said "e=Wrong password" (docs/facts.md#supavisor-old-texts).
// For OnWrong.
type SASLFinal string

func (a SASLFinal) perform(s *session) error {
	return errors.Join(s.send(&pgproto3.AuthenticationSASLFinal{Data: []byte(a)}), errEnd)
}

// Call runs a function and goes on, so that a test can note when the connection
// came to this point.
type Call func()

func (a Call) perform(*session) error {
	a()
	return nil
}

// Slow waits, then acts. Without Then it is a slow but healthy pooler.
type Slow struct {
	By   time.Duration
	Then Act
}

func (a Slow) perform(s *session) error {
	select {
	case <-time.After(a.By):
		return s.act(a.Then)
	case <-s.ctx.Done():
		return errEnd
	}
}
