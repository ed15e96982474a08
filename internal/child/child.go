//go:build !windows

package child

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"dragonfly.internal/sidecar/internal/exit"
)

// child is CMD: at most one process at a time, in a process group of its own.
//
// One goroutine calls wait4, for every process that ends below us, CMD and
// orphans alike. os/exec would wait for CMD itself and so compete with it, which
// is why CMD is started without os/exec.
type child struct {
	stop  context.CancelCauseFunc // called for a signal that ends while CMD does not run
	ended chan syscall.WaitStatus

	mu      sync.Mutex
	started int  // how often
	pid     int  // 0 while CMD does not run
	group   int  // CMD's, also after its end
	told    bool // CMD was sent a signal that ends, and has no other meaning
	lent    bool // the terminal is CMD's
}

// passedOn are the signals that CMD's group gets besides the endings.
var passedOn = []os.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGCONT, syscall.SIGWINCH}

// newChild takes over signals and orphans; CMD is not started yet.
func newChild(stop context.CancelCauseFunc) *child {
	adoptOrphans()
	c := &child{stop: stop, ended: make(chan syscall.WaitStatus, 1)}
	signals, ends := make(chan os.Signal, 32), make(chan os.Signal, 1)
	for _, s := range slices.Concat(endings, passedOn) {
		if !signal.Ignored(s) { // nohup: CMD is to inherit that
			signal.Notify(signals, s)
		}
	}
	signal.Notify(signals, syscall.SIGPIPE) // a closed log must not take CMD along
	signal.Notify(ends, syscall.SIGCHLD)
	go func() {
		for {
			select {
			case s := <-signals:
				c.passOn(s)
			case <-ends:
				c.reap()
			}
		}
	}()
	return c
}

// start starts CMD, unless a signal has asked for the end before.
func (c *child) start(ctx context.Context, path string, args, environment []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	pid, err := syscall.ForkExec(path, args, &syscall.ProcAttr{
		Env:   environment,
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return cannotStart(err)
	}
	c.started++
	c.pid, c.group, c.told, c.lent = pid, pid, false, lend(pid)
	return nil
}

// wait returns how CMD ended, 128+n for a signal, and whether it was told to.
func (c *child) wait() (code int, told bool) {
	status := <-c.ended
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lent {
		takeBack()
	}
	if s := status.Signal(); status.Signaled() { // Ctrl-C goes to CMD without us
		return 128 + int(s), c.told || slices.Contains(endings, os.Signal(s))
	}
	return status.ExitStatus(), c.told
}

// insistAfter is how long what CMD has left behind may take to end.
const insistAfter = 10 * time.Second

// sweep asks what CMD has left behind to end, in its group and elsewhere, and insists
// after a while: a hold in which a part of it goes on logging in would be none.
func (c *child) sweep() {
	c.mu.Lock() // nothing is reaped meanwhile, so no number is another process's by now
	defer c.mu.Unlock()
	_ = syscall.Kill(-c.group, syscall.SIGTERM) // usually nobody is left
	signalBelow(syscall.SIGTERM)
	started := c.started
	time.AfterFunc(insistAfter, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.started == started { // else what runs is the next CMD
			signalBelow(syscall.SIGKILL)
		}
	})
}

// passOn gives a signal to CMD's group. Without a CMD, one that ends ends us.
func (c *child) passOn(s os.Signal) {
	if s == syscall.SIGPIPE {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	ends := slices.Contains(endings, s)
	switch {
	case c.pid != 0:
		c.told = c.told || ends && s != syscall.SIGHUP // which mostly means: read your configuration
		_ = syscall.Kill(-c.pid, s.(syscall.Signal))   // not reaped yet, so the group is still CMD's
	case ends: // also for those that main hears: CMD may be about to start
		c.stop(exit.Told(s.(syscall.Signal)))
	}
}

// reap collects everything that has ended.
func (c *child) reap() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil || pid == 0:
			return
		case pid == c.pid:
			c.pid = 0
			c.ended <- status
		}
	}
}
