package serve

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// tellSystemd tells systemd, if it is who started us, that the pages answer, and
// from then on what "systemctl status" shows. Ready is the process, not the database:
// a unit that waited for the database would be given up inside a window.
func tellSystemd(ctx context.Context, snapshot func() *supervisor.Snapshot) {
	if told, err := daemon.SdNotify(false, daemon.SdNotifyReady); !told || err != nil {
		return
	}
	defer func() { _, _ = daemon.SdNotify(false, daemon.SdNotifyStopping) }() // a courtesy: nobody waits for it
	each := time.NewTicker(time.Second)
	defer each.Stop()
	for said := ""; ; {
		if text := standing(snapshot().Status); text != said {
			said = text
			_, _ = daemon.SdNotify(false, "STATUS="+text)
		}
		select {
		case <-each.C:
		case <-ctx.Done():
			return
		}
	}
}

// standing is a status in one line that stays the same until something changes.
func standing(s machine.Status) string {
	switch {
	case s.State == machine.Ready:
		return "ready"
	case s.State == machine.Lockout:
		return fmt.Sprintf("lockout (%s): no connection attempts until %s", s.Trigger, s.Next.UTC().Format("15:04:05 UTC"))
	}
	return fmt.Sprintf("%s: %s", s.State, s.Reason)
}
