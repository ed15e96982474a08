package probe

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// A warm pool takes logins whether its server is there or not, and PgBouncer
// 1.18 says at the query that it has been failing, without a cause, until it
// tries anew after 15 s. Only real time tells a restart from a lockout there.

// TestFaultServerRestartedWarmPool: a server that is away until the sidecar has
// noticed, some 4 s. It costs no window and at most 30 s more (invariant 8).
func TestFaultServerRestartedWarmPool(t *testing.T) {
	t.Parallel()
	const more = 30 * time.Second
	pg := cluster(t, realpeer.PostgresConfig{})
	pooler := bouncer(t, pg, nil)
	s := supervise(t, pooler.DSN(appUser, appPassword))
	reaches(t, s, machine.Ready, machine.ReasonOK, within)
	stopped := time.Now()
	pg.Stop(t, realpeer.Fast)
	remembers(t, reaches(t, s, machine.Retrying, machine.ReasonLockout, within))
	pg.Start(t)
	away := time.Since(stopped)
	back := reaches(t, s, machine.Ready, machine.ReasonOK, more)
	if cost := back.Since.Sub(stopped); cost > away+more {
		t.Errorf("ready %s after the stop of a server that was away for %s", cost, away)
	}
	if slices.ContainsFunc(back.History, func(e machine.Entry) bool { return e.To == machine.Lockout }) {
		t.Errorf("a window: %+v", back.History)
	}
}

// TestFaultServerDownWarmPool: a server that stays away. What names no cause
// counts when it is still there after 20 s; three more logins at most have asked.
func TestFaultServerDownWarmPool(t *testing.T) {
	t.Parallel()
	const lasting = 20 * time.Second
	pg := cluster(t, realpeer.PostgresConfig{})
	pooler := bouncer(t, pg, nil)
	s := supervise(t, pooler.DSN(appUser, appPassword))
	reaches(t, s, machine.Ready, machine.ReasonOK, within)
	pg.Stop(t, realpeer.Fast)
	first := reaches(t, s, machine.Retrying, machine.ReasonLockout, within)
	remembers(t, first)
	window := reaches(t, s, machine.Lockout, machine.ReasonLockout, lasting+within)
	remembers(t, window)
	begun := slices.IndexFunc(window.History, func(e machine.Entry) bool { return e.Reason == machine.ReasonLockout })
	if after := window.Since.Sub(window.History[begun].At); after < lasting || after > lasting+within {
		t.Errorf("a window %s after the first answer", after)
	}
	if window.Window() < 15*time.Minute || window.Window() > 20*time.Minute || window.Cause != "" {
		t.Errorf("a window of %s for %q", window.Window(), window.Cause)
	}
	before, _ := first.Total()
	total, _ := window.Total()
	unheard := window.Logins[machine.ReasonTimeout] - first.Logins[machine.ReasonTimeout]
	if heard := total - before - unheard; heard < 1 || heard > 3 {
		t.Errorf("%d answers between the first one and the window", heard)
	}
	counted(t, pooler, appUser, int(total), int(total))
}

// remembers checks that the last probe met PgBouncer's memory, at its query.
func remembers(t *testing.T, s *supervisor.Snapshot) {
	t.Helper()
	const words = "server login has been failing, try again later (server_login_retry)"
	if a := s.Attempt; a.Step != machine.StepQuery || a.SQLState != "08P01" || a.Message != words ||
		s.Trigger != machine.TriggerServerLoginRetry || s.Cause != "" {
		t.Errorf("%s, %s, cause %q at %s: %s %s", s.Reason, s.Trigger, s.Cause, a.Step, a.SQLState, a.Message)
	}
}

// supervise runs a real supervisor until the test is over. It looks often while
// all is well; what a fault is worth keeps its time.
func supervise(t *testing.T, raw string) *supervisor.Supervisor {
	t.Helper()
	policy, judged := machine.DefaultPolicy(), judge(t, raw)
	policy.ProbeInterval, policy.ProbeTimeout = 200*time.Millisecond, 2*time.Second
	s := supervisor.New(policy, supervisor.Subject{Target: target(judged), Prober: New(judged, dsn.NewScrubber(raw, judged), Options{})}, nil, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

// reaches waits for a state and its reason.
func reaches(t *testing.T, s *supervisor.Supervisor, state machine.State, reason machine.Reason, within time.Duration) *supervisor.Snapshot {
	t.Helper()
	var snapshot *supervisor.Snapshot
	realpeer.Until(t, within, fmt.Sprintf("the state is %s for %s", state, reason), func() error {
		if snapshot = s.Snapshot(); snapshot.State != state || snapshot.Reason != reason {
			return fmt.Errorf("%s for %s: %s", snapshot.State, snapshot.Reason, snapshot.Attempt.Message)
		}
		return nil
	})
	return snapshot
}
