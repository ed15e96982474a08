package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// How SIDECAR_INHERIT_URL is asked (docs/config.md#what-outlives-a-restart): a
// platform's name may need a moment until it leads to both deployments.
const (
	inheritPatience = 5 * time.Second
	inheritEvery    = time.Second
)

// inherit adds to the record what the deployment before knows: its window, of
// whichever key, since the DSN may change later. A changed variable is a new
// process, which must not dial inside the old one's window (docs/facts.md#railway-redeploy).
func inherit(ctx context.Context, c config.Config, record machine.Record, own string, log *slog.Logger) machine.Record {
	last, why := hear(ctx, c, own)
	switch {
	case len(last) == 0:
		log.Warn(fmt.Sprintf("SIDECAR_INHERIT_URL: no other sidecar answers (%v); going on. If it was in a lockout window, the first login prolongs the lockout", why))
	case !settled(last):
		log.Warn("SIDECAR_INHERIT_URL: the other sidecar's window is over, and its trial did not end in time; going on. If it meets a lockout, our first login prolongs it")
	}
	now := time.Now()
	for _, s := range last {
		until, waits := remaining(s, now)
		switch {
		case !waits:
		case stateOf(s) == string(machine.Lockout):
			record.Windows = append(record.Windows, windowOf(s, until))
		case s.Reason == string(machine.ReasonStoreLost):
			if lost := until.Add(-c.Policy().Lockout.Min); lost.After(record.Lost) {
				record.Lost = lost
			}
		}
	}
	return store.Storable(record)
}

// hear asks until another sidecar has given its verdict, or patience ends. The
// answers are those of others, by instance; why is what went wrong without one.
func hear(ctx context.Context, c config.Config, own string) (last map[string]health.Status, why error) {
	patience, cancel := context.WithTimeout(ctx, inheritPatience)
	defer cancel()
	again := time.NewTicker(inheritEvery)
	defer again.Stop()
	last = make(map[string]health.Status)
	for {
		answers, silent := askAll(patience, c, own)
		if patience.Err() == nil {
			why = silent
		}
		for _, answer := range answers {
			last[answer.Instance] = answer
		}
		if len(answers) > 0 && settled(last) {
			return last, nil
		}
		select {
		case <-again.C:
		case <-patience.Done():
			return last, why
		}
	}
}

// stateOf is the state behind an answer: a process that was told to end says so in
// place of it, and its last entry in the history tells, or else its windows in a row.
func stateOf(s health.Status) string {
	n := len(s.History)
	switch {
	case s.State != string(machine.Stopping):
		return s.State
	case n > 0:
		return s.History[n-1].To
	case s.Reason == string(machine.ReasonLockout) && s.WindowsInRow > 0:
		return string(machine.Lockout)
	}
	return s.State
}

// settled reports whether nobody is in the trial after a window, of which nobody
// knows yet whether it goes on.
func settled(answers map[string]health.Status) bool {
	for _, s := range answers {
		if stateOf(s) == string(machine.Lockout) && s.RetryInSeconds == 0 {
			return false
		}
	}
	return true
}

// remaining is until when an answer wants nobody to ask, if it does. Its clock may
// be behind ours: what it says remains, remains.
func remaining(s health.Status, now time.Time) (until time.Time, waits bool) {
	if s.RetryAt == nil || s.RetryInSeconds == 0 {
		return until, false
	}
	until = *s.RetryAt
	if remains := now.Add(time.Duration(s.RetryInSeconds) * time.Second); remains.Sub(until) > time.Second {
		until = remains
	}
	return until, true
}

func windowOf(s health.Status, until time.Time) machine.Window {
	w := machine.Window{
		Key: s.Key, Trigger: machine.Trigger(s.Trigger), Cause: s.Cause, Opened: s.Since, Until: until, InRow: s.WindowsInRow,
	}
	if s.LastAttempt != nil {
		w.Opened = s.LastAttempt.At
	}
	return w
}

// askAll asks every address of the name at the same time for its status. The own
// answer is none; silent says what went wrong when there is no other.
func askAll(ctx context.Context, c config.Config, own string) (answers []health.Status, silent error) {
	base, _ := url.Parse(c.InheritURL) // checked by Load
	addresses, err := net.DefaultResolver.LookupHost(ctx, base.Hostname())
	if err != nil {
		return nil, err
	}
	silent = errors.New("only this process does")
	var mu sync.Mutex
	var asking sync.WaitGroup
	for _, address := range addresses {
		asking.Go(func() {
			client := health.Client{URL: c.InheritURL, Token: c.SidecarToken(), Address: address}
			status, err := statusOf(ctx, client, address)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				silent = err
			case status.Instance != own:
				answers = append(answers, status)
			}
		})
	}
	asking.Wait()
	return answers, silent
}

// statusOf asks one address. A token that was changed with the deployment keeps
// /status shut; /readyz says as much of a window, but not whose it is, so ours is
// told by being at its start.
func statusOf(ctx context.Context, client health.Client, address string) (health.Status, error) {
	status, _, err := client.StatusJSON(ctx)
	if !errors.Is(err, health.ErrToken) {
		return status, err
	}
	ready, other := client.Readiness(ctx)
	if other != nil || ready.State == string(machine.Starting) || ready.State == string(machine.Misconfigured) {
		return status, err
	}
	return health.Status{
		Instance: address, State: ready.State, Reason: ready.Reason, Trigger: ready.Trigger, Key: ready.Key,
		RetryAt: ready.RetryAt, RetryInSeconds: ready.RetryInSeconds, Since: time.Now(), WindowsInRow: 1,
	}, nil
}
