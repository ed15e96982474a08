package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// loadRecord reads what a process before has left. What it cannot read it says,
// and how to get out of it.
func loadRecord(ctx context.Context, place store.Store, c config.Config, log *slog.Logger) machine.Record {
	ctx, cancel := context.WithTimeout(ctx, store.Patience)
	defer cancel()
	record, _, err := place.Load(ctx)
	now := time.Now()
	silent := record.Lost.Add(c.Policy().Lockout.Min).After(now)
	if err == nil && !silent {
		return record
	}
	why, attributes := "what was stored cannot be read", []any{"written_at", record.Lost}
	since := "it was written"
	if lost, ok := errors.AsType[*store.LostError](err); ok {
		why = lost.Error()
		if lost.Stamp.IsZero() {
			since, attributes = "this start", nil
		}
	}
	if !silent {
		log.Warn("the stored deadline is lost, and too old to matter: " + why)
		return record
	}
	log.Error(fmt.Sprintf("the stored deadline is lost: %s. It may have been a lockout, so nothing is asked for the shortest window after %s. "+
		"If you are sure that there is none: sidecar state clear --yes, then SIGHUP or a restart; or SIDECAR_CLEAR_BEFORE=%s",
		why, since, now.UTC().Format(time.RFC3339)), attributes...)
	return record
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
