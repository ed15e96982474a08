package lookup

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/database"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/probe"
	"dragonfly.internal/sidecar/internal/report"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// AtOnce is how many hosts are asked at the same time.
const AtOnce = 6

// Regions are what is searched besides the known regions and clusters.
type Regions struct {
	Names    []string
	Clusters []uint
}

// KnockEverywhere asks each shared pooler for the project: one permit and one
// connection each, and no password. Once one reports a lockout no more are asked.
func KnockEverywhere(ctx context.Context, db database.Database, c config.Config, wanted Regions, network probe.Options) []report.Knock {
	places := sharedPoolers(db.Report.DSN, wanted)
	knocks := make([]report.Knock, len(places))
	var next atomic.Int32
	var locked atomic.Bool
	var workers sync.WaitGroup
	for range AtOnce {
		workers.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(places); i = next.Add(1) - 1 {
				knocks[i].DSN = places[i]
				if locked.Load() || ctx.Err() != nil {
					continue
				}
				knocker := probe.NewKnocker(places[i], db.Scrub, network)
				outcome := Spend(ctx, db, c, knocker.Knock)
				if knocks[i].Outcome = outcome; outcome.Reason == machine.ReasonLockout {
					locked.Store(true)
				}
			}
		})
	}
	workers.Wait()
	return knocks
}

// sharedPoolers is the DSN at every shared pooler, beginning with its own.
func sharedPoolers(own dsn.DSN, wanted Regions) []dsn.DSN {
	all, seen := []dsn.DSN{own}, map[string]bool{own.Host: true}
	for _, region := range slices.Concat(dsn.Regions, wanted.Names) {
		for _, cluster := range slices.Concat(dsn.Clusters, wanted.Clusters) {
			d := own
			d.Host, d.Region = dsn.SharedHost(cluster, region), region
			if !seen[d.Host] {
				seen[d.Host] = true
				all = append(all, d)
			}
		}
	}
	return all
}
