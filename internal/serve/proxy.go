package serve

import (
	"context"
	"net"
	"strconv"
	"time"

	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/proxy"
	"dragonfly.internal/sidecar/internal/supervisor"
)

// relay is the proxy beside the supervisor; nil where there is none.
type relay struct {
	*proxy.Proxy
	listener net.Listener
}

// newProxy makes the proxy before the DSN in use, if one is to listen.
func (s Sidecar) newProxy(r *rotation, sup *supervisor.Supervisor) (*relay, error) {
	if s.Proxy == nil {
		return nil, nil
	}
	p, err := proxy.New(proxy.Options{
		Snapshot: sup.Snapshot,
		Upstream: func() proxy.Upstream {
			db := r.current.Load()
			d := db.Report.DSN
			return proxy.Upstream{Address: net.JoinHostPort(d.Host, strconv.Itoa(int(d.Port))), Target: db.Target}
		},
		Hurry: sup.Hurry,
		Max:   int(s.Config.ProxyMax),
		Drain: time.Duration(s.Config.ProxyDrain),
		Log:   s.Log,
	})
	return &relay{p, s.Proxy}, err
}

// serve relays until the context ends and the connections that are open then have
// drained; the channel is closed after that.
func (r *relay) serve(ctx context.Context) <-chan struct{} {
	over := make(chan struct{})
	if r == nil {
		close(over)
		return over
	}
	go func() {
		defer close(over)
		r.Serve(ctx, r.listener)
	}()
	return over
}

// descriptors are what the proxy may need of the process's.
func (r *relay) descriptors() int {
	if r == nil {
		return 0
	}
	return r.Descriptors()
}

// status is what the pages say of the proxy; nil where there is none.
func (r *relay) status() func() health.StatusProxy {
	if r == nil {
		return nil
	}
	return func() health.StatusProxy {
		s := r.Status()
		held := make([]health.HeldClient, 0, len(s.Held))
		for _, h := range s.Held {
			held = append(held, health.HeldClient{Client: h.Client, Until: h.Until.UTC().Truncate(time.Millisecond)})
		}
		return health.StatusProxy{
			Open: s.Open, Connections: s.Connections, Refused: s.Refused,
			Held: held, Results: s.Results, Violations: s.Violations,
		}
	}
}
