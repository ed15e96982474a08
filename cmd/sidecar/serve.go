package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/supervisor"
)

// serve supervises DATABASE_URL and answers on PORT until the context ends.
func serve(ctx context.Context, std streams) error {
	c, err := loadConfig()
	if err != nil {
		return err
	}
	log := newLogger(c, std.out)
	listener, err := net.Listen("tcp", fmt.Sprintf(":%d", c.Port))
	if err != nil {
		return &failure{exitFailure, fmt.Sprintf("PORT: cannot listen: %v", err), "another process may hold the port; set PORT to a free one"}
	}
	log.Info("listening", "address", listener.Addr().String(), "version", build().Version)
	db := newDatabase(c.DatabaseURL, c)
	announce(log, c, db)
	if err := supervise(ctx, listener, db, c, log); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	log.Info("stopped")
	return nil
}

// supervise runs the supervisor and its pages until the context ends. The port
// is open before the first dial, so that /health answers while one hangs.
func supervise(ctx context.Context, listener net.Listener, db database, c config, log *slog.Logger) error {
	sup := supervisor.New(c.policy(), db.target, db.prober, log)
	handler := health.NewHandler(health.Source{
		Snapshot: sup.Snapshot,
		Report:   db.judge,
		Env:      dsn.Env(c.Mode),
		Store:    health.Store{Kind: "memory", Healthy: true},
		Instance: newInstance(),
		Build:    build(),
		Token:    c.token(),
	})
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if db.target.Fault == "" {
		go watchWaiver(ctx, log, db.judge)
	}
	served := make(chan error, 1)
	go func() {
		served <- health.Serve(ctx, listener, handler, log)
		stop() // without its pages the sidecar is of no use
	}()
	sup.Run(ctx)
	return <-served
}

// announce writes the startup lines: what is asked, and what the guard says.
func announce(log *slog.Logger, c config, db database) {
	if d := db.report.DSN; db.raw != "" {
		log.LogAttrs(context.Background(), slog.LevelInfo, d.Line(), d.Attrs()...)
	}
	for _, f := range db.report.Findings {
		level := slog.LevelError
		if f.Severity == dsn.Warning {
			level = slog.LevelWarn
		}
		log.Log(context.Background(), level, fmt.Sprintf("DATABASE_URL: %s: %s", f.Code, f.Message), "code", f.Code, "hint", f.Hint)
	}
	if short := time.Duration(c.LockoutMin); short < time.Minute {
		log.Warn(fmt.Sprintf("SIDECAR_LOCKOUT_MIN is %s: windows this short are for trying things out", short))
	}
	if c.State == "" && os.Getenv("RAILWAY_VOLUME_MOUNT_PATH") != "" {
		log.Warn("this version keeps the deadline in memory only; the volume is not used")
	}
}
