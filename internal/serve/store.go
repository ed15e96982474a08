package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// loadRecord reads what a process before has left. What it cannot read it says,
// and how to get out of it. unseen: it could not be looked at, and is to be read later.
func loadRecord(ctx context.Context, place store.Store, c config.Config, log *slog.Logger) (record machine.Record, unseen bool) {
	ctx, cancel := context.WithTimeout(ctx, store.Patience)
	defer cancel()
	record, _, err := place.Load(ctx)
	now := time.Now()
	silent := record.Lost.Add(c.Policy().Lockout.Min).After(now)
	if err == nil && !silent {
		return record, false
	}
	why, attributes := "what was stored cannot be read", []any{"written_at", record.Lost}
	since := "it was written"
	remedy := "sidecar state clear --yes; or SIDECAR_CLEAR_BEFORE=" + now.UTC().Format(time.RFC3339)
	if lost, ok := errors.AsType[*store.LostError](err); ok {
		why, unseen = lost.Error(), lost.Unseen
		if lost.Stamp.IsZero() { // nothing shows that it is from before a time
			since, attributes = "this start", nil
			remedy = "move away what stands there, or name another place in SIDECAR_STATE, and restart"
		}
	}
	if !silent {
		log.Warn("the stored deadline is lost, and too old to matter: " + why)
		return record, unseen
	}
	if unseen {
		since += ", or until it can be read"
	}
	log.Error(fmt.Sprintf("the stored deadline is lost: %s. It may have been a lockout, so nothing is asked for the shortest window after %s. "+
		"If you are sure that there is none: %s", why, since, remedy), attributes...)
	return record, unseen
}

// readLate reads what could not be looked at before. What turns out to be torn is
// found as well, and lost since its own time stamp.
func (r *rotation) readLate(ctx context.Context) (machine.Record, supervisor.Subject, error) {
	record, _, err := r.store.Load(ctx)
	if lost, ok := errors.AsType[*store.LostError](err); err != nil && (!ok || lost.Unseen) {
		return record, supervisor.Subject{}, err
	}
	db := r.current.Load().Salted(r.store.Salt())
	r.current.Store(&db)
	return forget(r.config, record, r.log), subject(db), nil
}

// forget drops what the operator knows to be over.
func forget(c config.Config, r machine.Record, log *slog.Logger) machine.Record {
	if c.ClearBefore == (config.Moment{}) {
		return r
	}
	t := time.Time(c.ClearBefore)
	r, dropped := r.ClearBefore(t)
	if dropped > 0 {
		log.Warn(fmt.Sprintf("SIDECAR_CLEAR_BEFORE: %d windows and holds from before %s are dropped", dropped, t.UTC().Format(time.RFC3339)))
	}
	return r
}
