package proxy

import (
	"sync/atomic"
	"time"
)

// Result is what became of a connection: a closed set.
type Result int

// The results.
const (
	Relayed Result = iota // passed on
	Closed                // told that the database is not ready
	Budget                // told that refused logins have used the budget up
	Held                  // told that its own logins were refused
	Failed                // anything else: too many, silent, the database cannot be dialled
	results
)

var resultNames = [results]string{"relayed", "closed", "budget", "held", "failed"}

func (r Result) String() string { return resultNames[r] }

// counts are since the start.
type counts struct {
	byResult   [results]atomic.Uint64
	open       atomic.Int64
	refused    atomic.Uint64
	violations atomic.Uint64
}

func (c *counts) add(r Result) { c.byResult[r].Add(1) }

// Status is what /status and the metrics say of the proxy.
type Status struct {
	Open        bool              // it lets connections through
	Connections int               // that are open now
	Results     map[string]uint64 // connections so far, by what became of them; every result is there
	Refused     uint64            // refused logins so far
	Violations  uint64            // sockets opened inside a window: must stay 0
	Held        []HeldClient
}

// HeldClient is an address that waits, after a refused login.
type HeldClient struct {
	Client string
	Until  time.Time
}

// Status is the proxy's state now.
func (p *Proxy) Status() Status {
	_, open := p.look(p.options.Upstream())
	s := Status{
		Open:        open,
		Connections: int(p.counts.open.Load()),
		Results:     make(map[string]uint64, results),
		Refused:     p.counts.refused.Load(),
		Violations:  p.counts.violations.Load(),
	}
	for r := range results {
		s.Results[r.String()] = p.counts.byResult[r].Load()
	}
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	for _, hold := range p.gate.budget.Holds(time.Now()) {
		s.Held = append(s.Held, HeldClient{hold.Client.String(), hold.Until})
	}
	return s
}
