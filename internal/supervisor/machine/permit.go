package machine

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Permit allows one login. It comes only from [Machine.Admit] and is taken
// back by [Machine.Settle]; the zero value allows nothing.
type Permit struct {
	at    time.Time
	spent *atomic.Bool
}

// Valid reports whether the permit came from a machine.
func (p Permit) Valid() bool { return p.spent != nil }

// Spend reports whether the permit may still be used for its one login, and
// uses it up.
func (p Permit) Spend() bool { return p.Valid() && p.spent.CompareAndSwap(false, true) }

// ErrBusy refuses a second permit while one is out.
var ErrBusy = errors.New("a probe is already under way")

// WaitError refuses a permit before its time. Until is zero when no time will
// bring one.
type WaitError struct {
	State State
	Until time.Time
}

func (e *WaitError) Error() string {
	if e.Until.IsZero() {
		return fmt.Sprintf("no attempt while %s", e.State)
	}
	return fmt.Sprintf("no attempt while %s, before %s", e.State, e.Until.UTC().Format(time.RFC3339))
}
