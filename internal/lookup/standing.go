// Package lookup asks the running sidecar and the store what stands in the way of a
// login, and makes the one login of a command when nothing does.
package lookup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/database"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/report"
	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// FindAndWarn looks for a reason not to dial: a fault of the DSN, or a window or
// hold that the running sidecar or the store knows of. What they cannot know it
// says.
func FindAndWarn(ctx context.Context, db database.Database, c config.Config, out io.Writer) report.Standing {
	s, note := Find(ctx, db, c)
	switch {
	case note != "" && s.State == "":
		fmt.Fprintf(out, "sidecar: warning: %s; dialling\n", note)
	case note != "":
		fmt.Fprintf(out, "sidecar: warning: %s\n", note)
	}
	if s.State == machine.Rejected && !s.Blocks {
		fmt.Fprintf(out, "sidecar: warning: %s\n", s.LastRefusal)
	}
	return s
}

// Find asks the running sidecar and the store; the later deadline wins. The note
// says what they do not know.
func Find(ctx context.Context, db database.Database, c config.Config) (s report.Standing, note string) {
	if db.Target.Fault != "" {
		return report.Judge(db.Report, db.Target.Fault), ""
	}
	s, note = askSidecar(ctx, db, c)
	kept := readStore(ctx, db, c)
	if s.State == machine.Rejected && kept.otherHold { // the sidecar's credential is not ours
		s = report.Standing{Window: report.Window{Source: "none"}, Vouched: s.Vouched}
	}
	s = s.Later(kept.Standing)
	switch {
	case note == "" || s.State != "":
	case kept.readable:
		note += ", and the store knows of no lockout window"
	default:
		note += ", so no lockout window is known"
	}
	return s, note
}

// askSidecar asks the running sidecar. The note says why it knows nothing.
func askSidecar(ctx context.Context, db database.Database, c config.Config) (s report.Standing, note string) {
	address := c.SidecarAddress()
	client := health.Client{URL: address.String(), Token: c.SidecarToken()}
	answer, err := client.Readiness(ctx)
	switch {
	case err != nil:
		return report.Judge(db.Report, ""), health.Unanswered(err)
	case answer.Key != db.Target.Key:
		return report.Judge(db.Report, ""), fmt.Sprintf("the sidecar at %s speaks for another database", address.Redacted())
	}
	s = report.Heard(answer, db.Target.DBHost, "sidecar")
	s.LastRefusal = fmt.Sprintf("the sidecar's last login was refused (%s): %s", answer.Reason, answer.Message)
	if status, err := client.Status(ctx); err == nil && status.LastAttempt != nil { // needs the token, where there is one
		last := status.LastAttempt
		s.Vouched = time.Since(last.At) < time.Minute
		s.LastRefusal = fmt.Sprintf("the sidecar's last login, at %s, was refused: %s (%s)", last.At.Format("15:04:05 UTC"), last.Message, last.Reason)
	}
	return s, ""
}

// keptStanding is what the store says of a DSN.
type keptStanding struct {
	report.Standing
	readable  bool // there is a store that another process can read
	otherHold bool // the hold that a sidecar keeps to is on another credential of this key
}

// readStore is what a sidecar would make of the stored record if it started now.
func readStore(ctx context.Context, db database.Database, c config.Config) (s keptStanding) {
	place := openStore(c, db.Target.Key)
	defer place.Close()
	ctx, cancel := context.WithTimeout(ctx, store.Patience)
	defer cancel()
	record, _, err := place.Load(ctx)
	now, v := time.Now(), record.Verdict
	target := db.Salted(place.Salt()).Target
	s.readable = place.Kind() != "memory"
	s.otherHold = v.State == machine.Rejected && v.Key == target.Key && v.Credential != target.Credential
	m := machine.New(c.Policy(), target, nil, now)
	m.Restore(now, record)
	status, stands := m.Barrier(now)
	if !stands {
		return s
	}
	answer := health.ReadinessAt(&supervisor.Snapshot{Status: status}, now)
	s.Standing = report.Heard(answer, db.Target.DBHost, "store")
	if lost, ok := errors.AsType[*store.LostError](err); ok {
		s.Standing = unreadable(s.Standing, lost)
	}
	s.LastRefusal = fmt.Sprintf("the sidecar's last login, at %s, was refused (%s)", status.Since.UTC().Format("15:04:05 UTC"), status.Reason)
	return s
}

// unreadable says in so many words that the store is there and cannot be read. Until
// when nobody asks is known where the store shows its age.
func unreadable(s report.Standing, lost *store.LostError) report.Standing {
	s.Message = "The store cannot be read, and may hold a lockout window: " + lost.Error()
	if lost.Stamp.IsZero() {
		s.Until, s.Window = nil, report.Window{Source: "store"}
		s.Advice = "Make the store readable, or wait until it is, and ask again. If you are sure that there is no lockout: sidecar probe --force"
	}
	return s
}

// openStore opens where the deadline lives, to read it.
func openStore(c config.Config, key string) store.Store {
	if u := c.Redis(); u != nil {
		return store.OpenShared(store.NewRedis(u), key)
	}
	return store.Open(c.StatePath())
}
