// Package demo plays a lockout on a simulated pooler, with windows of seconds.
package demo

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/serve"
	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// demoConfig is the policy with seconds for minutes.
func demoConfig() config.Config {
	s := func(d time.Duration) config.Span { return config.Span(d) }
	counts := config.Counts(machine.DefaultPolicy().Counts)
	return config.Config{
		Mode: config.Mode(dsn.Dev), LockoutOn: counts,
		ProbeInterval: s(time.Second), ProbeTimeout: s(3 * time.Second),
		RetryMin: s(500 * time.Millisecond), RetryMax: s(2 * time.Second),
		LockoutMin: s(8 * time.Second), LockoutMax: s(9 * time.Second),
		BanMin: s(8 * time.Second), BanMax: s(9 * time.Second),
		RejectedMin: s(2 * time.Second), RejectedMax: s(3 * time.Second),
	}
}

// Play runs the sidecar and the story beside it.
func Play(ctx context.Context, out io.Writer, port string, build health.Build, once bool) error {
	listener, err := demoListener(port)
	if err != nil {
		return err
	}
	config.HideService()
	c := demoConfig()
	without, err := newWorld(c)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer without.pooler.Close()
	with, err := newWorld(c)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer with.pooler.Close()

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	through, err := newProxied(ctx, c)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer through.pooler.Close()
	ended := make(chan error, 1)
	url := fmt.Sprintf("http://127.0.0.1:%d", listener.Addr().(*net.TCPAddr).Port)
	t := &telling{out: out, begun: time.Now(), sidecar: health.Client{URL: url}, without: without, with: with, through: through}
	go func() {
		c := c
		c.DatabaseURL = with.db.Raw
		ended <- serve.Sidecar{Config: c, Store: store.NewMemory(), Listener: listener, Build: build, Log: slog.New(demoLog{t})}.Run(ctx)
	}()
	err = t.story(ctx, c)
	if err == nil && !once {
		t.say("The sidecar goes on serving at %s; Ctrl-C ends it.", url)
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		err = nil // Ctrl-C is a good end
	}
	stop()
	<-through.ended
	if failed := <-ended; failed != nil {
		return fmt.Errorf("demo: %w", failed)
	}
	return err
}

// demoListener opens PORT; without one it is 8080, or any port when that is taken.
func demoListener(given string) (net.Listener, error) {
	wanted := config.Port(8080)
	if given != "" {
		if err := wanted.Decode(given); err != nil {
			return nil, config.Refuse("PORT", err.Error())
		}
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", wanted))
	if err != nil && given == "" {
		listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, exit.Fail(exit.Failure, fmt.Sprintf("PORT: cannot listen: %v", err), "set PORT to a free one")
	}
	return listener, nil
}

// telling is the story while it is told.
type telling struct {
	begun         time.Time
	sidecar       health.Client
	without, with *world
	through       *proxied

	mu  sync.Mutex // the sidecar's log is told in between
	out io.Writer
}

// say writes one paragraph with the time since the beginning.
func (t *telling) say(format string, args ...any) {
	t.write(fmt.Sprintf("%5.1fs  ", time.Since(t.begun).Seconds()), format, args...)
}

// line writes one line below a paragraph.
func (t *telling) line(format string, args ...any) {
	t.write("        ", format, args...)
}

func (t *telling) write(margin, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintln(t.out, strings.TrimRight(margin+fmt.Sprintf(format, args...), " "))
}
