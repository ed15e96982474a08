package poolersim

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
)

// converse answers queries until the client leaves.
func (s *session) converse() error {
	var asked batch
	for {
		msg, err := s.wire.Receive()
		if err != nil {
			return fmt.Errorf("receive query: %w", err)
		}
		switch msg := msg.(type) {
		case *pgproto3.Query:
			s.note(Query, nil)
			err = s.reply(s.simple(msg.String))
		case *pgproto3.Sync:
			err = s.reply(asked.replies)
			asked.replies, asked.failed = nil, false
		case *pgproto3.Terminate:
			s.note(Terminate, nil)
			return nil
		default:
			s.extended(&asked, msg)
		}
		if err != nil {
			return err
		}
	}
}

// simple answers a query of the simple protocol.
func (s *session) simple(sql string) []pgproto3.BackendMessage {
	table, refusal := s.answer(sql)
	switch {
	case refusal != nil:
		return []pgproto3.BackendMessage{refusal.response("ERROR")}
	case len(table.Columns) == 0:
		return table.rows()
	}
	return append([]pgproto3.BackendMessage{table.description()}, table.rows()...)
}

// batch is a question of the extended protocol, everything up to Sync. It is read
// whole before the script acts: closing a socket with unread data resets it, and
// the refusal could be lost.
type batch struct {
	statement Table // what the last Parse asked for, in this batch or before
	replies   []pgproto3.BackendMessage
	failed    bool // skips the rest
}

func (b *batch) owe(msgs ...pgproto3.BackendMessage) {
	if !b.failed {
		b.replies = append(b.replies, msgs...)
	}
}

// extended takes one message of the extended protocol into the batch.
func (s *session) extended(b *batch, msg pgproto3.FrontendMessage) {
	switch msg := msg.(type) {
	case *pgproto3.Parse:
		table, refusal := s.answer(msg.Query)
		if refusal != nil {
			b.owe(refusal.response("ERROR"))
			b.failed = true
			return
		}
		b.statement = table
		b.owe(&pgproto3.ParseComplete{})
	case *pgproto3.Bind:
		b.owe(&pgproto3.BindComplete{})
	case *pgproto3.Describe:
		if msg.ObjectType == 'S' {
			b.owe(&pgproto3.ParameterDescription{})
		}
		b.owe(b.statement.description())
	case *pgproto3.Execute:
		s.note(Query, nil)
		b.owe(b.statement.rows()...)
	case *pgproto3.Close:
		b.owe(&pgproto3.CloseComplete{})
	}
}

// reply sends the answer to a query, unless the script has something else to say.
func (s *session) reply(msgs []pgproto3.BackendMessage) error {
	if len(msgs) > 0 {
		err := s.act(s.script.OnQuery)
		if errors.Is(err, errStatement) {
			msgs = nil
		} else if err != nil {
			return err
		}
	}
	return s.send(append(msgs, &pgproto3.ReadyForQuery{TxStatus: 'I'})...)
}

// answer finds the rows for a query, or the refusal of one it does not know.
func (s *session) answer(sql string) (Table, *Refusal) {
	if s.script.Answer != nil {
		if table, ok := s.script.Answer(sql); ok {
			return table, nil
		}
	}
	sql = strings.TrimSuffix(strings.TrimSpace(sql), ";")
	switch {
	case strings.EqualFold(sql, "select 1"):
		return Table{Columns: []string{"?column?"}, Rows: [][]string{{"1"}}}, nil
	case sql == "" || strings.HasPrefix(sql, "--"): // the driver's ping
		return Table{}, nil
	}
	return Table{}, &Refusal{SQLState: "42601", Message: fmt.Sprintf("the simulated pooler has no answer to %q", sql)}
}
