package demo

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/database"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/serve"
	"dragonfly.internal/sidecar/internal/store"
)

// proxied is a world whose apps are careless as well, but have the sidecar's address
// in their DSN.
type proxied struct {
	*world
	wrong atomic.Int64 // wrong passwords that came to the pooler
	ended chan error
}

// newProxied starts such a world with a sidecar of its own.
func newProxied(ctx context.Context, c config.Config) (*proxied, error) {
	w, err := newWorld(c)
	if err != nil {
		return nil, err
	}
	p := &proxied{world: w, ended: make(chan error, 1)}
	p.accept(Password)
	pages, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	own := c
	own.DatabaseURL, own.ProxyMax, own.ProxyDrain = w.db.Raw, 100, config.Span(time.Second)
	go func() {
		p.ended <- serve.Sidecar{Config: own, Store: store.NewMemory(), Listener: pages, Proxy: listener, Log: slog.New(slog.DiscardHandler)}.Run(ctx)
	}()
	w.db = database.New(strings.Replace(w.db.Raw, w.pooler.Addr(), listener.Addr().String(), 1), c)
	return p, nil
}

// accept makes a password the right one, and counts the wrong ones.
func (p *proxied) accept(password string) {
	p.pooler.Set(p.breaker.Guard(poolersim.Script{
		Auth: poolersim.SCRAM, Password: password, OnWrong: poolersim.Call(func() { p.wrong.Add(1) }),
	}))
}
