package demo

import (
	"context"
	"log/slog"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// story plays the acts; each begins when the one before has happened, not by the
// clock alone.
func (t *telling) story(ctx context.Context, c config.Config) error {
	t.say("Three worlds, each with a database, a pooler and %d apps. In the second the apps ask a sidecar first.", demoApps)
	t.line("In the third they ask nobody, and not a line of theirs was changed: their DSN leads to the sidecar's proxy.")
	t.say("Look over its shoulder from another terminal:")
	t.line("  curl -i %s/readyz", t.sidecar.URL)
	t.line("  curl -s %s/status", t.sidecar.URL)
	if _, err := t.await(ctx, machine.Ready); err != nil {
		return err
	}
	apps, stop := context.WithCancel(ctx)
	defer func() { stop(); t.without.apps.Wait(); t.with.apps.Wait(); t.through.apps.Wait() }()
	t.without.run(apps, c, careless)
	t.with.run(apps, c, asking(t.sidecar))
	t.through.run(apps, c, careless)
	if err := pause(ctx, 2*time.Second); err != nil {
		return err
	}
	if err := t.freshProbe(ctx); err != nil {
		return err
	}
	t.say("All is well: every login succeeds, and the sidecar says ready.")
	t.say("Now somebody rotates the password underneath and forgets the apps.")
	t.without.accept("rotated")
	t.with.accept("rotated")
	t.through.accept("rotated")
	locked, err := t.await(ctx, machine.Lockout)
	if err != nil {
		return err
	}
	t.say("Ten wrong logins: two poolers refuse everybody now, the right password included.")
	t.say("The third is not locked out: only %d of those came through its proxy, which answers the apps itself since.", t.through.wrong.Load())
	t.say("The sidecar met the refusal, opened a window and says to people:")
	t.line("  %s", locked.Advice)
	inside, err := t.window(ctx)
	if err != nil {
		return err
	}
	if _, err := t.await(ctx, machine.Ready); err != nil {
		return err
	}
	t.say("The window is over: one trial, and the sidecar says ready. Its apps come back.")
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	t.line("")
	t.line("%-28s%18s%18s%18s", "", "without sidecar", "with sidecar", "with its proxy")
	t.line("%-28s%18d%18d%18s", "logins inside the lockout", inside[0], inside[1], "no lockout")
	t.line("%-28s%18s%18s%18s", "now", t.without.verdict(), t.with.verdict(), t.through.verdict())
	t.line("")
	return nil
}

// window tells what happens while the sidecar's window is open, and returns how
// many logins either pooler saw meanwhile. Those that were under way when it
// opened are none of them.
func (t *telling) window(ctx context.Context) (inside [2]int, err error) {
	if err := pause(ctx, 300*time.Millisecond); err != nil {
		return inside, err
	}
	begun := [2]int{t.without.logins(), t.with.logins()}
	for second := 1; ; second++ {
		if err := pause(ctx, time.Second); err != nil {
			return inside, err
		}
		now := [2]int{t.without.logins(), t.with.logins()}
		status, err := t.sidecar.Status(ctx)
		if err != nil {
			return inside, err
		}
		if status.State != string(machine.Lockout) || status.RetryInSeconds == 0 {
			return inside, nil
		}
		inside = [2]int{now[0] - begun[0], now[1] - begun[1]}
		if second == 2 {
			t.say("The operator puts the right password back. But every login inside a lockout prolongs it.")
			t.without.accept(Password)
			t.with.accept(Password)
			t.through.accept(Password)
		}
		t.say("%2ds to go. Logins inside the lockout: %d without the sidecar, %d with it.", status.RetryInSeconds, inside[0], inside[1])
	}
}

// await polls the sidecar until it is in the state.
func (t *telling) await(ctx context.Context, state machine.State) (health.Status, error) {
	for {
		status, err := t.sidecar.Status(ctx)
		if err == nil && status.State == string(state) {
			return status, nil
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return status, err
		}
	}
}

// freshProbe waits for the next success, so that the story goes on just after it.
func (t *telling) freshProbe(ctx context.Context) error {
	begun := time.Now()
	for {
		status, err := t.sidecar.Status(ctx)
		if err == nil && status.LastAttempt != nil && status.LastAttempt.At.After(begun) {
			return nil
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// demoLog shows the sidecar's own log lines within the story.
type demoLog struct{ t *telling }

func (l demoLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }
func (l demoLog) Handle(_ context.Context, r slog.Record) error {
	l.t.say("  sidecar log | %s", r.Message)
	return nil
}
func (l demoLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l demoLog) WithGroup(string) slog.Handler      { return l }

// pause waits, unless the context ends before.
func pause(ctx context.Context, d time.Duration) error {
	over, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-over.Done()
	return ctx.Err()
}
