package supervisor

import (
	"context"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Store keeps a [machine.Record] where it outlives the process.
type Store interface {
	// Load reads what is stored, by the context's deadline. Changed: somebody else
	// has written it since this process last read or wrote.
	Load(ctx context.Context) (r machine.Record, changed bool, err error)
	// Save replaces the record and returns by the context's deadline. When
	// somebody else has written since this process last read or wrote, nothing is
	// replaced and the error is a [*ConflictError]; the next Save then is made
	// against what was found.
	Save(ctx context.Context, r machine.Record) error
}

// ConflictError says that somebody else has written to the store.
type ConflictError struct {
	Found machine.Record // what they wrote
}

func (e *ConflictError) Error() string { return "somebody else has written to the store" }

// ReadLate reads a record that could not be read at the start, and gives the subject
// as it is known then: the stored salt tells its credential from another. It returns
// by the context's deadline.
type ReadLate func(context.Context) (machine.Record, Subject, error)

const (
	storeTimeout = 2 * time.Second // the most that a transition waits for its store
	storeEvery   = 5 * time.Second // how often a store is tried that cannot be read or written, or may have been cleared
)
