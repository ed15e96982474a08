package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/serve"
	"dragonfly.internal/sidecar/internal/store"
)

// runServe supervises the DSN of the environment and answers on PORT until the
// context ends.
func runServe(ctx context.Context, std streams) error {
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
	if short := time.Duration(c.LockoutMin); short < time.Minute {
		log.Warn(fmt.Sprintf("SIDECAR_LOCKOUT_MIN is %s: windows this short are for trying things out", short))
	}
	if err := (serve.Sidecar{Config: c, Store: place, Listener: listener, Hangup: hangup, Build: build(), Log: log}).Run(ctx); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	log.Info("stopped")
	return nil
}
