package serve

import (
	"log/slog"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/notify"
	"dragonfly.internal/sidecar/internal/supervisor"
)

// Receiver is where messages to people go.
func Receiver(c config.Config) notify.Receiver {
	return notify.Receiver{URL: dsn.NewSecret(c.NotifyURL), Secret: dsn.NewSecret(c.NotifySecret)}
}

// newNotifier tells people of what a supervisor knows; nobody without a
// SIDECAR_NOTIFY_URL.
func newNotifier(c config.Config, sup *supervisor.Supervisor, kind, instance string, log *slog.Logger) *notify.Notifier {
	return notify.New(notify.Options{
		To:       Receiver(c),
		Snapshot: sup.Snapshot,
		Tell:     sup.Tell,
		Stored:   kind != "memory",
		Env:      string(c.Mode),
		Instance: instance,
		Log:      log,
	})
}
