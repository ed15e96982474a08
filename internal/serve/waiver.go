package serve

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
)

// watchWaiver logs what becomes of a waiver that the DSN needs: a warning once a
// day in its last week, an error every hour when it has ended. Readiness stays:
// a date is no outage; the next start is refused (docs/dsn.md#waiver).
func watchWaiver(ctx context.Context, log *slog.Logger, judge func(time.Time) dsn.Report) {
	hourly := time.NewTicker(time.Hour)
	defer hourly.Stop()
	var warned time.Time
	for {
		now := time.Now()
		report := judge(now)
		waiver := report.Waiver
		switch {
		case report.Code == dsn.WaiverExpired:
			log.Error("the waiver for the direct connection has ended; the next start will be refused",
				"waiver_expires", waiver.Expires)
		case report.DSN.Mode == dsn.ModeDirect && waiver.Status == dsn.WaiverExpiring && now.Sub(warned) >= 24*time.Hour:
			warned = now
			log.Warn(fmt.Sprintf("the waiver for the direct connection ends in %d days: fix the pooler or extend it", waiver.DaysRemaining),
				"waiver_expires", waiver.Expires)
		}
		select {
		case <-ctx.Done():
			return
		case <-hourly.C:
		}
	}
}
