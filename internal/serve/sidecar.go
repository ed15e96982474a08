// Package serve is the long-running sidecar: it takes up what a process before has
// left, supervises one DSN, answers over HTTP, and lets another DSN take its place.
package serve

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/database"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/fleet"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Sidecar is the long-running process, with everything that it is given.
type Sidecar struct {
	Config   config.Config
	Store    store.Store
	Listener net.Listener     // open already: /health answers before the first dial
	Proxy    net.Listener     // where the proxy takes connections; nil: there is none
	Hangup   <-chan os.Signal // reads the DSN and the store anew; nil: never
	Build    health.Build
	Log      *slog.Logger
}

// Run supervises and answers until the context ends, and returns when nothing of it
// runs any more: then the store may be closed.
func (s Sidecar) Run(ctx context.Context) error {
	boundMemory()
	c, log, instance := s.Config, s.Log, newInstance()
	member, shared := s.Store.(*fleet.Member)
	if shared {
		instance = member.ID()
		speakFor(member, c)
	}
	record, unseen := loadRecord(ctx, s.Store, c, log)
	if shared && member.Warning() != "" {
		log.Warn("SIDECAR_STATE: " + member.Warning())
	}
	r := newRotation(c, s.Store, s.Hangup, log)
	var later supervisor.ReadLate
	if unseen {
		later = r.readLate
	}
	db := r.current.Load()
	sup := supervisor.New(c.Policy(), subject(*db), r.store, log)
	relay, err := s.newProxy(r, sup)
	if err != nil {
		return err
	}
	people := newNotifier(c, sup, r.store.Kind(), instance, log)
	handler := health.NewHandler(health.Source{
		Snapshot:  sup.Snapshot,
		Proxy:     relay.status(),
		Env:       dsn.Env(c.Mode),
		StoreKind: r.store.Kind(),
		Instance:  instance,
		Build:     s.Build,
		Log:       log,
		Token:     c.SidecarToken(),

		MetricsToken:  c.MetricsToken(),
		Notifications: people.Notifications,
	})
	record = forget(c, record, log)
	sup.Begin(record, later) // before anybody asks
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	// The pages outlive the proxy's open connections.
	answering, silence := context.WithCancel(context.WithoutCancel(ctx))
	defer silence()
	served := make(chan error, 1)
	go func() {
		served <- health.Serve(answering, s.Listener, handler, relay.descriptors(), log)
		stop() // without its pages the sidecar is of no use
	}()
	relayed := relay.serve(ctx)
	if c.InheritURL != "" {
		sup.Begin(forget(c, inherit(ctx, c, record, instance, log), log), later)
	}
	var watchers sync.WaitGroup
	watchers.Go(func() { tellSystemd(ctx, sup.Snapshot) })
	watchers.Go(func() { r.watch(ctx, sup) })
	looking, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	if shared {
		watchers.Go(func() { member.Run(looking) })
	}
	watchers.Go(func() { watchWaiver(ctx, log, r.judgeDialled) })
	watchers.Go(func() { people.Run(ctx) })
	defer time.AfterFunc(startTakes, forgetStart).Stop()
	sup.Run(ctx)
	leave() // what it knew last is written under the lease
	<-relayed
	silence()
	err = <-served
	if !endsWithin(endPatience, watchers.Wait) {
		log.Warn("the file of DATABASE_URL_FILE is still being read; ending without it")
	}
	return err
}

// startTakes is when a start is surely over: the first probe has ended, the pages have
// been asked for.
const startTakes = 10 * time.Second

// endPatience is the most that the end waits for a disk that does not answer. With
// what the pages take to drain it stays below the 5 s that a platform gives.
const endPatience = time.Second

// endsWithin reports whether a function returns in time.
func endsWithin(patience time.Duration, f func()) bool {
	done := make(chan struct{})
	go func() { f(); close(done) }()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-done:
		return true
	case <-late.C:
		return false
	}
}

// subject is a DSN as the supervisor takes it.
func subject(db database.Database) supervisor.Subject {
	return supervisor.Subject{
		Target: db.Target, Prober: db.Prober, Judge: db.Judge,
		Salted: func(salt []byte) machine.Target { return db.Salted(salt).Target },
	}
}

// speakFor tells a member of a fleet which one it is of, before its store is read.
func speakFor(member *fleet.Member, c config.Config) {
	if text, err := c.DSN(); err == nil {
		member.Tell(supervisor.Self{Target: database.New(text, c).Target})
	}
}

// newInstance tells this process from its predecessors.
func newInstance() string {
	b := make([]byte, 4)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
