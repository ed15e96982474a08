package poolersim

import (
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Flood sends First once and then Again without end, until the peer hangs up: what
// a hostile server, or anybody on the way to it, can send.
type Flood struct{ First, Again string }

func (a Flood) perform(s *session) error {
	for err := s.say(a.First); ; err = s.say(a.Again) {
		if err != nil {
			return errors.Join(err, errEnd)
		}
	}
}

// Drip sends a text one byte at a time.
type Drip struct {
	Text  string
	Every time.Duration // zero: as fast as single bytes go
}

func (a Drip) perform(s *session) error {
	for i := range len(a.Text) {
		select {
		case <-time.After(a.Every):
		case <-s.ctx.Done():
			return errEnd
		}
		if err := s.say(a.Text[i : i+1]); err != nil {
			return errors.Join(err, errEnd)
		}
	}
	return errEnd
}

// Wire is messages as they go over the wire.
func Wire(messages ...pgproto3.BackendMessage) string {
	var b []byte
	for _, m := range messages {
		b, _ = m.Encode(b) // fails only beyond 1 GiB
	}
	return string(b)
}

// EndlessRows answers a query with rows of that many bytes, for ever. For OnQuery.
func EndlessRows(size int) Flood {
	return Flood{
		First: Wire(&pgproto3.ParseComplete{}, &pgproto3.BindComplete{}, Table{Columns: []string{"c"}}.description()),
		Again: Wire(&pgproto3.DataRow{Values: [][]byte{[]byte(strings.Repeat("1", size))}}),
	}
}

// EndlessNotices says the same for ever, anywhere.
func EndlessNotices() Flood {
	return Flood{Again: strings.Repeat(Wire(&pgproto3.NoticeResponse{
		Severity: "NOTICE", Code: "00000", Message: strings.Repeat("N", 1000),
	}), 50)}
}

// LongError is a refusal whose message has that many bytes.
func LongError(size int) Raw {
	return Raw(Wire(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "XX000", Message: strings.Repeat("x", size)}))
}
