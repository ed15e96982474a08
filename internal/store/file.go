package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// File keeps the record in one file, which is replaced as a whole. The first
// process that saves holds the file PATH.lock until it ends; another one reads,
// and cannot save before. Whoever reads and writes holds PATH.write meanwhile, an
// operator's command too, so that nobody writes over what it has not read. Use
// [NewFile].
type File struct {
	path  string
	began time.Time // counts as the time stamp of a file that shows none
	place atomic.Pointer[place]
	busy  chan struct{} // holds the one operation that is under way, also one that hangs

	salt      atomic.Pointer[[]byte]
	unguarded atomic.Pointer[error]
	seen      string // revision last read or written; empty: there was none
	lost      bool   // the last Load found something that cannot be read
	process   string // begins this process's revisions
	writes    int

	stat func(path string) (fs.FileInfo, error) // os.Stat; tests put a bad disk in its place
}

// NewFile returns the store at a path, or where a link there leads. It does not
// look at the disk before Load, Save or Clear.
func NewFile(path string) *File {
	f := &File{path: path, began: now(), busy: make(chan struct{}, 1), process: hex.EncodeToString(newSalt()[:4]), stat: os.Stat}
	f.salt.Store(new(newSalt()))
	return f
}

// Kind implements [Store].
func (*File) Kind() string { return "file" }

// Salt implements [Store].
func (f *File) Salt() []byte { return *f.salt.Load() }

// Unguarded says why what was written last may have been written over by another
// process at the same moment, or the other way round: the disk has no locks. nil:
// it cannot have been.
func (f *File) Unguarded() error {
	if err := f.unguarded.Load(); err != nil {
		return *err
	}
	return nil
}

// Close implements [Store].
func (f *File) Close() error {
	if p := f.place.Load(); p != nil {
		return p.owner.Close()
	}
	return nil
}

// Load implements [Store]. Its errors are all of type [*LostError]; it may be
// called again until it succeeds.
func (f *File) Load(ctx context.Context) (r machine.Record, changed bool, err error) {
	heard := false
	err = f.within(ctx, func() func() error {
		c, lost := f.look()
		return func() error {
			heard = true
			before := f.lost
			f.lost = lost != nil
			if lost != nil {
				changed = !before
				return lost
			}
			r, changed = c.Record, c.Revision != f.seen && c.Revision != "" // a file that is gone says nothing
			f.take(c)
			return nil
		}
	})
	if err != nil && !heard {
		err = &LostError{Place: f.path, Why: errHangs.Error(), Unseen: true, cause: err}
	}
	if lost, ok := errors.AsType[*LostError](err); ok {
		if r.Lost = lost.Stamp; r.Lost.IsZero() {
			r.Lost = f.began
		}
	}
	return r, changed, err
}

// Save implements [Store]. What cannot be looked at may be whole, and is not
// replaced; what is torn is, and kept as PATH.lost.
func (f *File) Save(ctx context.Context, r machine.Record) error {
	return f.alone(ctx, func(p *place) func() error {
		c, lost := f.read(p.path)
		if lost != nil && lost.Unseen {
			return failed(lost)
		}
		fresh, held := p.own()
		if fresh { // what its owner before wrote last, if there are no other locks
			p.sweep()
			c, lost = f.read(p.path)
		}
		switch {
		case lost == nil && c.Revision != "" && c.Revision != f.seen: // heeded also by who may not write
			return func() error {
				f.take(c)
				return &supervisor.ConflictError{Found: c.Record}
			}
		case held != nil:
			return failed(held)
		case lost != nil && lost.Unseen:
			return failed(lost)
		}
		return failed(f.write(p.path, r, lost != nil))
	})
}

// Clear drops what the last Load found, whoever owns the file: an operator's way to
// say that it is over. Of what somebody has written since, it drops what is from
// before the question was asked; what was opened later stays. A running sidecar
// takes it up on SIGHUP, or when it saves next.
func (f *File) Clear(ctx context.Context, asked time.Time) error {
	return f.alone(ctx, func(p *place) func() error {
		c, lost := f.read(p.path)
		if lost != nil && (lost.special || !f.lost) { // nobody drops unseen what could be read a moment ago
			return failed(lost)
		}
		var left machine.Record
		if lost == nil && c.Revision != f.seen {
			left, _ = c.Record.ClearBefore(asked)
			if left.Attempt.At.Before(asked) {
				left.Attempt = machine.Begun{}
			}
			f.take(c)
		}
		left.Cleared, left.Told = asked.UTC(), c.Record.Told
		return failed(f.write(p.path, left, lost != nil))
	})
}

func failed(err error) func() error { return func() error { return err } }

// take remembers what was found. Without a salt nothing was.
func (f *File) take(c content) {
	f.seen = c.Revision
	if len(c.Salt) > 0 {
		f.salt.Store(&c.Salt)
	}
}

var (
	errHangs  = errors.New("the disk does not answer in time")
	errOwned  = errors.New("another process keeps its state there; give each sidecar a file of its own")
	errWrites = errors.New("another process is writing it")
)

// alone runs an operation while no other process reads and writes. Where the disk
// has no locks it runs it all the same, see [File.Unguarded].
func (f *File) alone(ctx context.Context, operation func(p *place) func() error) error {
	return f.within(ctx, func() func() error {
		p, lost := f.find()
		if lost != nil {
			return failed(lost)
		}
		locked, err := p.writer.TryLockContext(ctx, writerPause)
		switch {
		case locked:
			defer p.writer.Unlock()
			f.unguarded.Store(nil)
		case ctx.Err() != nil:
			return failed(fmt.Errorf("%s: %w", p.path, errWrites))
		default:
			f.unguarded.Store(&err)
		}
		return operation(p)
	})
}

// writerPause is how long a process waits before it asks again for the right to
// write, which another one has for two or three writings to the disk.
const writerPause = 2 * time.Millisecond

// within runs an operation until the context's deadline, and what it gives back
// while nothing else runs. An operation that hangs, on a network's disk for
// instance, goes on by itself and keeps the next from starting; what it finds then
// is nobody's, as if it had not been found.
func (f *File) within(ctx context.Context, operation func() func() error) error {
	select {
	case f.busy <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", f.path, errHangs)
	}
	found := make(chan func() error)
	go func() {
		answer := operation()
		select {
		case found <- answer:
		case <-ctx.Done():
			<-f.busy
		}
	}()
	select {
	case answer := <-found:
		defer func() { <-f.busy }()
		return answer()
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", f.path, errHangs)
	}
}
