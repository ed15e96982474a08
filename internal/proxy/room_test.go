package proxy

import (
	"log/slog"
	"strings"
	"syscall"
	"testing"
)

// TestRoom: what the proxy takes leaves the sidecar its own descriptors, or half.
func TestRoom(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	all := int(min(limit.Cur, 1<<30))
	most := room(1<<30, slog.New(slog.NewTextHandler(&log, nil)))
	if left := all - (&Proxy{most: most}).Descriptors(); left < min(ours, all/2) || left > min(ours, all/2)+2 {
		t.Errorf("%d of %d descriptors are left", left, all)
	}
	if !strings.Contains(log.String(), "connections only") {
		t.Errorf("log: %s", &log)
	}
	if got := room(1, slog.New(slog.DiscardHandler)); got != 1 {
		t.Errorf("room for %d", got)
	}
}
