package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"dragonfly.internal/sidecar/internal/advice"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// reminderEvery is the seed's rhythm (docs/seed.md#lockout-window): the remaining
// time of a window is logged once a minute.
const reminderEvery = time.Minute

// report writes the log lines of a transition (docs/runbook.md#log-lines). Their
// words are read by people and machines alike and stay as they are.
func (s *Supervisor) report(t machine.Transition) {
	if o := t.Outcome; o.Own {
		s.reportOwn(t.At, o)
	} else if o.Reason != "" {
		s.log.Debug("probe", "reason", o.Reason, "step", o.Step, "sqlstate", o.SQLState,
			"error", o.Message, "latency_ms", o.Latency.Milliseconds())
	}
	if t.Changed() && t.To.Reason != machine.ReasonStarting {
		s.reportReady(t)
	}
	entered := t.To.State == machine.Lockout && t.From.State != machine.Lockout
	if t.At.Before(t.To.Next) && (t.Opened || entered || t.To.Reason == machine.ReasonAuthFailed && t.To.Next != t.From.Next) {
		s.reminded = t.At
		s.reportRemaining(t.To, t.At, refusal(t)...)
	}
}

// reportOwn says that a probe failed on our own side, once a minute at most.
func (s *Supervisor) reportOwn(now time.Time, o machine.Outcome) {
	level := slog.LevelDebug
	if !now.Before(s.faulted.Add(reminderEvery)) {
		s.faulted, level = now, slog.LevelError
	}
	s.log.Log(context.Background(), level, "a fault of our own, not the database's, broke the probe off; the verdict stays: "+o.Message, "step", o.Step)
}

// refusal is what made a transition, as attributes; nothing made one that others
// knew of.
func refusal(t machine.Transition) []any {
	o := t.Outcome
	if o.Reason == "" {
		return nil
	}
	return []any{"trigger", t.To.Trigger, "cause", t.To.Cause, "step", o.Step, "sqlstate", o.SQLState, "error", o.Message}
}

func (s *Supervisor) reportReady(t machine.Transition) {
	if t.To.Ready() {
		s.log.Info("[DB] READY=true", "ready", true, "state", t.To.State)
		return
	}
	line := fmt.Sprintf("[DB] READY=false reason=%s", t.To.Reason)
	attrs := []any{"ready", false, "reason", t.To.Reason, "state", t.To.State}
	if retry := t.To.RetryAt(); !retry.IsZero() {
		seconds := machine.CeilSeconds(retry.Sub(t.At))
		line += fmt.Sprintf(" next_retry_in=%ds", seconds)
		attrs = append(attrs, "next_retry_in", seconds)
	}
	s.log.Warn(line, append(attrs, refusal(t)...)...)
}

// reportStore says that the store cannot be written, or can be again.
func (s *Supervisor) reportStore(err error) {
	if err != nil {
		s.log.Error("the deadline cannot be stored, and a restart would forget it: "+err.Error(), "store_healthy", false)
		return
	}
	s.log.Info("the deadline is stored again", "store_healthy", true)
}

// reminds reports whether a verdict has a remaining time to repeat.
func (s *Supervisor) reminds(v machine.Status, now time.Time) bool {
	return (v.State == machine.Lockout || v.Reason == machine.ReasonAuthFailed) && now.Before(v.Next)
}

// remind repeats the remaining time when a minute has passed. It is stored anew as
// well: the clock may have been set.
func (s *Supervisor) remind(ctx context.Context, now time.Time) {
	v := s.machine.Status(now)
	if !s.reminds(v, now) || now.Before(s.reminded.Add(reminderEvery)) {
		return
	}
	s.reminded = now
	s.saveAndReport(ctx)
	if v = s.machine.Status(now); s.reminds(v, now) {
		s.reportRemaining(v, now)
	}
}

func (s *Supervisor) reportRemaining(v machine.Status, now time.Time, refusal ...any) {
	remaining := v.Next.Sub(now)
	attrs := append([]any{"reason", v.Reason, "remaining", machine.CeilSeconds(remaining)}, refusal...)
	if v.State == machine.Lockout {
		s.log.Warn("[DB Supervisor] "+advice.Backoff(remaining), attrs...)
		return
	}
	s.log.Warn(fmt.Sprintf("[DB Supervisor] Hold: %s remaining after %s. A changed credential ends it.",
		machine.Seconds(remaining), v.Reason), attrs...)
}
