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
	"dragonfly.internal/sidecar/internal/fleet"
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
	listener, err := openPort("PORT", c.Port)
	if err != nil {
		return err
	}
	var proxied net.Listener
	if c.ProxyPort.Set {
		if proxied, err = openPort("SIDECAR_PROXY_PORT", c.ProxyPort.Port); err != nil {
			return err
		}
		log.Info("the proxy is listening", "address", proxied.Addr().String())
	}
	log.Info("listening", "address", listener.Addr().String(), "version", build().Version)
	place := openStore(c)
	defer place.Close()
	if short := time.Duration(c.LockoutMin); short < time.Minute {
		log.Warn(fmt.Sprintf("SIDECAR_LOCKOUT_MIN is %s: windows this short are for trying things out", short))
	}
	if err := (serve.Sidecar{Config: c, Store: place, Listener: listener, Proxy: proxied, Hangup: hangup, Build: build(), Log: log}).Run(ctx); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	log.Info("stopped")
	return nil
}

// openPort opens a port on all addresses, IPv4 and IPv6.
func openPort(variable string, port config.Port) (net.Listener, error) {
	listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return nil, exit.Fail(exit.Failure, fmt.Sprintf("%s: cannot listen: %v", variable, err),
			"another process may hold the port; set "+variable+" to a free one")
	}
	return listener, nil
}

// openStore opens where the deadline lives, for a sidecar that stays.
func openStore(c config.Config) store.Store {
	if u := c.Redis(); u != nil {
		return fleet.NewMember(store.NewRedis(u))
	}
	return store.Open(c.StatePath())
}
