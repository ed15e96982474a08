package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/supervisor"
)

// How SIDECAR_INHERIT_URL is asked (contract 2): a platform's name may need a
// moment until it leads to both deployments.
const (
	inheritPatience = 5 * time.Second
	inheritEvery    = time.Second
)

// inherit asks the deployment before for its window of the same key. A changed
// variable is a new process, which must not dial inside the old one's window
// (facts 4).
func inherit(ctx context.Context, c config, target supervisor.Target, own string, log *slog.Logger) []supervisor.Window {
	if c.InheritURL == "" || target.Fault != "" {
		return nil
	}
	patience, cancel := context.WithTimeout(ctx, inheritPatience)
	defer cancel()
	again := time.NewTicker(inheritEvery)
	defer again.Stop()
	last := make(map[string]health.Status) // by instance
	var why error
	for {
		answers, silent := askAll(patience, c, own)
		if patience.Err() == nil {
			why = silent
		}
		settled := len(answers) > 0
		for _, answer := range answers {
			last[answer.Instance] = answer
			// While its trial is out nobody knows whether the window goes on.
			settled = settled && (answer.State != string(supervisor.Lockout) || answer.RetryInSeconds > 0)
		}
		if settled {
			break
		}
		select {
		case <-again.C:
			continue
		case <-patience.Done():
		}
		if len(last) == 0 {
			log.Warn(fmt.Sprintf("SIDECAR_INHERIT_URL: no other sidecar answers (%v); going on. If it was in a lockout window, the first login prolongs the lockout", why))
		}
		break
	}
	return windowsOf(last, target.Key, time.Now())
}

// windowsOf are the windows of the key among the answers.
func windowsOf(answers map[string]health.Status, key string, now time.Time) (windows []supervisor.Window) {
	for _, s := range answers {
		if s.State != string(supervisor.Lockout) || s.Key != key || s.RetryAt == nil || s.RetryInSeconds == 0 {
			continue
		}
		w := supervisor.Window{
			Key: key, Trigger: supervisor.Trigger(s.Trigger), Cause: s.Cause, Opened: s.Since, Until: *s.RetryAt, InRow: s.WindowsInRow,
		}
		if s.LastAttempt != nil {
			w.Opened = s.LastAttempt.At
		}
		// Its clock may be behind ours: what it says remains, remains.
		if remains := now.Add(time.Duration(s.RetryInSeconds) * time.Second); remains.Sub(w.Until) > time.Second {
			w.Until = remains
		}
		windows = append(windows, w)
	}
	return windows
}

// askAll asks every address of the name at the same time for its status. The own
// answer is none; silent says what went wrong when there is no other.
func askAll(ctx context.Context, c config, own string) (answers []health.Status, silent error) {
	base, _ := url.Parse(c.InheritURL) // checked by loadConfig
	addresses, err := net.DefaultResolver.LookupHost(ctx, base.Hostname())
	if err != nil {
		return nil, err
	}
	silent = errors.New("only this process does")
	var mu sync.Mutex
	var asking sync.WaitGroup
	for _, address := range addresses {
		asking.Go(func() {
			client := health.Client{URL: c.InheritURL, Token: c.token(), HTTP: pinned(address)}
			defer client.HTTP.CloseIdleConnections()
			status, err := client.Status(ctx)
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

// pinned is a client whose connections go to one address, whatever the name says.
func pinned(address string) *http.Client {
	var dialer net.Dialer
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, given string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(given)
			if err != nil {
				return nil, err
			}
			return dialer.DialContext(ctx, network, net.JoinHostPort(address, port))
		},
	}}
}
