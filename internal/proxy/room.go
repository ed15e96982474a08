package proxy

import (
	"fmt"
	"log/slog"
	"syscall"
)

// ours are the descriptors that the sidecar itself may need: pages, probes, files.
const ours = 64

// room is how many connections there may be: as many as are wanted, if two
// descriptors for each of them, and the sidecar's own, are below the limit.
func room(wanted int, log *slog.Logger) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return wanted
	}
	fits := (int(min(limit.Cur, 1<<30)) - ours - refusers) / 2
	if fits = max(fits, 1); fits < wanted {
		log.Warn(fmt.Sprintf("SIDECAR_PROXY_MAX is %d, but %d descriptors are enough for %d connections only", wanted, limit.Cur, fits))
		return fits
	}
	return wanted
}
