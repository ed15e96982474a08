package proxy

import (
	"fmt"
	"log/slog"
)

// ours are the descriptors that are left to the sidecar itself, for its pages, probes
// and files: so many, or half of what there is.
const ours = 544

// room is how many connections there may be: as many as are wanted, if two
// descriptors for each of them, and the sidecar's own, are below the limit.
func room(wanted int, log *slog.Logger) int {
	all, limited := descriptors()
	if !limited {
		return wanted
	}
	fits := max((all-min(ours, all/2)-refusers)/2, 1)
	if fits < wanted {
		log.Warn(fmt.Sprintf("SIDECAR_PROXY_MAX is %d, but %d descriptors are enough for %d connections only", wanted, all, fits))
		return fits
	}
	return wanted
}

// Descriptors are what the proxy may need of the process's: two for a connection, and
// those of clients that are told that it is full.
func (p *Proxy) Descriptors() int { return 2*p.most + refusers }
