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
	if lost, ok := errors.AsType[*store.LostError](err); err != nil && !ok {
		log.Error("the store cannot be read, going on from memory: " + err.Error())
	} else if now := time.Now(); record.Lost.Add(c.Policy().Lockout.Min).After(now) {
		why := "what was stored cannot be read"
		if lost != nil {
			why = lost.Error()
		}
		log.Error(fmt.Sprintf("the stored deadline is lost: %s. It may have been a lockout, so nothing is asked for the shortest window after it was written. "+
			"If you are sure that there is none: sidecar state clear --yes, then SIGHUP or a restart; or SIDECAR_CLEAR_BEFORE=%s",
			why, now.UTC().Format(time.RFC3339)), "written_at", record.Lost)
	} else if lost != nil {
		log.Warn("the stored deadline is lost, and too old to matter: " + lost.Error())
	}
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
