// Package store keeps the supervisor's record where it outlives the process: the
// deadline belongs to what the pooler blocks, not to a process.
package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Store is where the deadline lives. A shared one fits the same interface: Save
// is a compare-and-set, and whoever watches calls Load when something came.
type Store interface {
	supervisor.Store
	// Load reads what is stored, and returns by the context's deadline. Nothing
	// stored is the zero record. Changed: somebody else has written it since this
	// process last read or wrote.
	//
	// With a [*LostError] something is there that may hold a window, and Record.Lost
	// says since when: the time stamp of what is there, never later than now, or the
	// time at which this store was opened where none is known. It is the same at each
	// further call, so loading can be tried again without making the silence longer;
	// a call without an error ends it.
	Load(ctx context.Context) (r machine.Record, changed bool, err error)
	// Salt makes fingerprints that stand in the store useless elsewhere. It is
	// known once Load or Save has returned.
	Salt() []byte
	// Kind names the store in /status: memory or file.
	Kind() string
	// Close lets another process take over.
	Close() error
}

// Patience is how long a command or a start waits for its store.
const Patience = 2 * time.Second

// Open returns the store in a file, or in memory without a path.
func Open(path string) Store {
	if path == "" {
		return NewMemory()
	}
	return NewFile(path)
}

// LostError says that something is stored and cannot be read. Nothing there is no
// such error, but a first start.
type LostError struct {
	Place string
	Why   string
	Stamp time.Time // when it was written; zero: unknown
	// Unseen: it could not be looked at (no answer, no permission, no regular file),
	// may be whole, and is not replaced: load it again. Otherwise it was read, and is
	// torn, empty, or of a newer version.
	Unseen bool

	special bool // no regular file, which is never replaced
	cause   error
}

func (e *LostError) Error() string { return fmt.Sprintf("%s: %s", e.Place, e.Why) }

func (e *LostError) Unwrap() error { return e.cause }

// Memory is the store that a restart forgets. Use [NewMemory].
type Memory struct{ salt []byte }

// NewMemory returns a store that keeps nothing: the supervisor's own memory is
// the record.
func NewMemory() *Memory { return &Memory{newSalt()} }

// Load implements [Store]: nothing is stored.
func (*Memory) Load(context.Context) (machine.Record, bool, error) {
	return machine.Record{}, false, nil
}

// Save implements [Store].
func (*Memory) Save(context.Context, machine.Record) error { return nil }

// Salt implements [Store].
func (m *Memory) Salt() []byte { return m.salt }

// Kind implements [Store].
func (*Memory) Kind() string { return "memory" }

// Close implements [Store].
func (*Memory) Close() error { return nil }

func newSalt() []byte {
	salt := make([]byte, 16)
	rand.Read(salt) // never fails
	return salt
}

// now is the time stamp of what is written.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
