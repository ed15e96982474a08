package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// serve supervises the DSN of the environment and answers on PORT until the
// context ends.
func serve(ctx context.Context, std streams) error {
	c, err := config.Load()
	if err != nil {
		return err
	}
	log := newLogger(c, std.out)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // before anybody can know that we run
	listener, err := net.Listen("tcp", fmt.Sprintf(":%d", c.Port))
	if err != nil {
		return exit.Fail(exit.Failure, fmt.Sprintf("PORT: cannot listen: %v", err), "another process may hold the port; set PORT to a free one")
	}
	log.Info("listening", "address", listener.Addr().String(), "version", build().Version)
	place := store.Open(c.StatePath())
	defer place.Close()
	record := loadRecord(ctx, place, c, log)
	r := newRotation(c, place, hangup, log)
	if short := time.Duration(c.LockoutMin); short < time.Minute {
		log.Warn(fmt.Sprintf("SIDECAR_LOCKOUT_MIN is %s: windows this short are for trying things out", short))
	}
	if err := supervise(ctx, listener, r, record); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	log.Info("stopped")
	return nil
}

// supervise runs the supervisor and its pages until the context ends. The port
// is open before the first dial, so that /health answers while one hangs.
func supervise(ctx context.Context, listener net.Listener, r *rotation, record machine.Record) error {
	c, db, log, instance := r.config, r.current.Load(), r.log, newInstance()
	sup := supervisor.New(c.Policy(), db.Target, db.Prober, r.store, log)
	handler := health.NewHandler(health.Source{
		Snapshot:  sup.Snapshot,
		Report:    r.judge,
		Env:       dsn.Env(c.Mode),
		StoreKind: r.store.Kind(),
		Instance:  instance,
		Build:     build(),
		Token:     c.SidecarToken(),
	})
	record = forget(c, record, log)
	sup.Begin(record) // before anybody asks
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() {
		served <- health.Serve(ctx, listener, handler, log)
		stop() // without its pages the sidecar is of no use
	}()
	if c.InheritURL != "" {
		sup.Begin(forget(c, inherit(ctx, c, record, instance, log), log))
	}
	go r.watch(ctx, sup)
	go watchWaiver(ctx, log, r.judgeDialled)
	sup.Run(ctx)
	return <-served
}

// newInstance tells this process from its predecessors.
func newInstance() string {
	b := make([]byte, 4)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
