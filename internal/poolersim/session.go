package poolersim

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"

	"github.com/jackc/pgx/v5/pgproto3"
)

// session is one connection on its way through the script.
type session struct {
	server *Server
	number int
	ctx    context.Context // done when the session has to end
	stop   context.CancelFunc

	raw  net.Conn          // as accepted; closing it ends everything
	peer net.Conn          // raw, or TLS over it
	wire *pgproto3.Backend // messages over peer

	script   Script
	params   map[string]string
	loggedIn bool
}

func newSession(srv *Server, number int, conn net.Conn, script Script) *session {
	s := &session{server: srv, number: number, raw: conn, script: script}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.speakOver(conn)
	return s
}

// run serves the connection to its end. How it ended, the peer knows best.
func (s *session) run() {
	defer s.server.leave(s)
	defer s.end()
	_ = s.serve()
}

// end closes the connection. TLS says no goodbye: over a net.Pipe that would
// wait for a peer which may itself be waiting to say it.
func (s *session) end() {
	s.stop()
	_ = s.raw.Close()
}

func (s *session) serve() error {
	if err := s.act(s.script.OnAccept); err != nil {
		return err
	}
	if err := s.greet(); err != nil {
		return err
	}
	if s.script.Choose != nil {
		s.script = s.script.Choose(s.number, maps.Clone(s.params))
	}
	if err := s.act(s.script.OnStartup); err != nil {
		return err
	}
	if err := s.authenticate(); err != nil {
		return err
	}
	if err := s.welcome(); err != nil {
		return err
	}
	return s.converse()
}

// greet reads until the startup message, answering what may come before it.
func (s *session) greet() error {
	for {
		msg, err := s.wire.ReceiveStartupMessage()
		if err != nil {
			return fmt.Errorf("read startup message: %w", err)
		}
		switch msg := msg.(type) {
		case *pgproto3.GSSEncRequest:
			err = s.say("N")
		case *pgproto3.SSLRequest:
			err = s.offerTLS()
		case *pgproto3.CancelRequest:
			s.note(Cancel, nil)
			s.server.cancel(int(msg.ProcessID))
			return errEnd // a cancel request gets no answer but the end
		case *pgproto3.StartupMessage:
			s.params = msg.Parameters
			s.note(Startup, msg.Parameters)
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// offerTLS answers an SSLRequest, and goes over to TLS when the script has it.
func (s *session) offerTLS() error {
	if err := s.act(s.script.OnTLS); err != nil {
		return err
	}
	if s.script.TLS == nil || s.peer != s.raw {
		return s.say("N")
	}
	if err := s.say("S"); err != nil {
		return err
	}
	config := s.script.TLS.Clone()
	config.SessionTicketsDisabled = true // written unasked, which blocks on a net.Pipe
	s.speakOver(tls.Server(s.raw, config))
	return nil
}

// welcome ends the login.
func (s *session) welcome() error {
	s.loggedIn = true
	return s.send(
		&pgproto3.AuthenticationOk{},
		&pgproto3.ParameterStatus{Name: "server_version", Value: "15.0 (simulated pooler)"},
		&pgproto3.ParameterStatus{Name: "client_encoding", Value: "UTF8"},
		&pgproto3.ParameterStatus{Name: "standard_conforming_strings", Value: "on"},
		&pgproto3.BackendKeyData{ProcessID: uint32(s.number), SecretKey: []byte("fake")}, // cancel looks at the number alone
		&pgproto3.ReadyForQuery{TxStatus: 'I'},
	)
}

func (s *session) speakOver(conn net.Conn) {
	s.peer = conn
	s.wire = pgproto3.NewBackend(conn, conn)
	s.wire.SetMaxBodyLen(1 << 20)
}

// act performs an act; nil goes on.
func (s *session) act(a Act) error {
	if a == nil {
		return nil
	}
	return a.perform(s)
}

// say writes plain bytes to the peer.
func (s *session) say(text string) error {
	if _, err := io.WriteString(s.peer, text); err != nil {
		return fmt.Errorf("write to client: %w", err)
	}
	return nil
}

// send writes messages to the peer.
func (s *session) send(msgs ...pgproto3.BackendMessage) error {
	for _, msg := range msgs {
		s.wire.Send(msg)
	}
	if err := s.wire.Flush(); err != nil {
		return fmt.Errorf("send to client: %w", err)
	}
	return nil
}

// receive reads the next message, which has to be of the given kind.
func receive[T pgproto3.FrontendMessage](s *session) (T, error) {
	var none T
	msg, err := s.wire.Receive()
	if err != nil {
		return none, fmt.Errorf("receive from client: %w", err)
	}
	wanted, ok := msg.(T)
	if !ok {
		return none, fmt.Errorf("client sent %T, want %T", msg, none)
	}
	return wanted, nil
}

// note writes an event into the server's book.
func (s *session) note(kind Kind, params map[string]string) {
	s.server.ledger.add(s.number, kind, params)
}
