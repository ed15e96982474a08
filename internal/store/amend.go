package store

import (
	"context"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Amend changes what is stored, whoever owns the file, and reports whether there was
// anything: an operator's way to add a word to it. A running sidecar takes it up
// within seconds while a deadline stands, or when it saves next.
func (f *File) Amend(ctx context.Context, change func(*machine.Record)) (found bool, err error) {
	err = f.alone(ctx, func(p *place) func() error {
		c, lost := f.read(p.path)
		switch {
		case lost != nil:
			return failed(lost)
		case c.Revision == "":
			return failed(nil)
		}
		f.take(c)
		change(&c.Record)
		err := f.write(p.path, c.Record, false)
		return func() error { found = err == nil; return err }
	})
	return found, err
}
