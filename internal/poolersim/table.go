package poolersim

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgproto3"
)

// textOID is PostgreSQL's type text.
const textOID = 25

// Table is the answer to a query: columns of text. The zero value is the answer
// of a statement that returns no rows.
type Table struct {
	Columns []string
	Rows    [][]string // each as long as Columns
}

func (t Table) description() pgproto3.BackendMessage {
	if len(t.Columns) == 0 {
		return &pgproto3.NoData{}
	}
	fields := make([]pgproto3.FieldDescription, len(t.Columns))
	for i, name := range t.Columns {
		fields[i] = pgproto3.FieldDescription{Name: []byte(name), DataTypeOID: textOID, DataTypeSize: -1, TypeModifier: -1}
	}
	return &pgproto3.RowDescription{Fields: fields}
}

// rows is the data and the end of it.
func (t Table) rows() []pgproto3.BackendMessage {
	var msgs []pgproto3.BackendMessage
	for _, row := range t.Rows {
		values := make([][]byte, len(row))
		for i, value := range row {
			values[i] = []byte(value)
		}
		msgs = append(msgs, &pgproto3.DataRow{Values: values})
	}
	return append(msgs, &pgproto3.CommandComplete{CommandTag: fmt.Appendf(nil, "SELECT %d", len(t.Rows))})
}
