// Package probe is the only one that opens a connection to the database: one
// permit, one login, one outcome.
//
// pgconn's own Connect walks every resolved address and every TLS fallback and
// makes up to six logins (docs/facts.md#pgx-logins-per-connect). Here each address
// is tried by itself, the next only when the one before did not answer at all.
package probe

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dragonfly.internal/sidecar/internal/classify"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// Options are what tests and the environment may replace. The zero value is
// right for production.
type Options struct {
	// RootsPEM holds certificates for verify-ca and verify-full when the DSN
	// names no sslrootcert.
	RootsPEM string
	// Dial opens one connection; nil means a net.Dialer.
	Dial pgconn.DialFunc
	// Lookup resolves a host name; nil means the system's resolver.
	Lookup pgconn.LookupFunc
}

// Prober makes the logins for one DSN. Use [New].
type Prober struct {
	dsn      dsn.DSN
	scrub    *dsn.Scrubber
	options  Options
	query    query
	maxBytes int64 // that a peer may send on one connection
	mute     bool  // hangs up when asked for the password, see Knocker

	roots roots

	mu   sync.Mutex
	turn int // which address comes first this time
}

// New returns a prober for a DSN that the guard accepts. The scrubber removes
// the password from what peers and libraries say.
func New(d dsn.DSN, scrub *dsn.Scrubber, options Options) *Prober {
	if options.Dial == nil {
		options.Dial = new(net.Dialer).DialContext
	}
	if options.Lookup == nil {
		options.Lookup = net.DefaultResolver.LookupHost
	}
	return &Prober{dsn: d, scrub: scrub, options: options, query: selectOne, maxBytes: maxProbeBytes}
}

// Probe spends the permit on one login and one query. Without a permit, or with
// a spent one, nothing is dialled and the outcome is empty.
func (p *Prober) Probe(ctx context.Context, permit machine.Permit) machine.Outcome {
	outcome, _ := p.Trace(ctx, permit)
	return outcome
}

// Trace is Probe, and says how far it came.
func (p *Prober) Trace(ctx context.Context, permit machine.Permit) (machine.Outcome, Trace) {
	if !permit.Spend() {
		return machine.Outcome{}, Trace{}
	}
	begun := time.Now()
	var outcome machine.Outcome
	var trace Trace
	if config, err := p.config(); ownFault(err) != nil {
		outcome = brokenOff(ownFault(err), attempt{})
	} else if err != nil {
		// Nothing is dialled; the file or the setting has to change, as a refused one has to.
		outcome = machine.Outcome{Reason: machine.ReasonConfigRejected, Message: err.Error()}
	} else {
		last := p.login(ctx, config)
		outcome, trace = p.outcome(last), last.trace.scrubbed(p.scrub)
	}
	outcome.SQLState = p.scrub.Scrub(outcome.SQLState) // any five characters of the peer's
	outcome.Message = p.scrub.Scrub(outcome.Message)
	outcome.Cause = p.scrub.Scrub(outcome.Cause)
	outcome.Latency = time.Since(begun)
	return outcome, trace
}

// outcome says what an attempt came to.
func (p *Prober) outcome(last attempt) machine.Outcome {
	if fault := ownFault(last.err); fault != nil {
		return brokenOff(fault, last)
	}
	outcome := machine.Outcome{Reason: machine.ReasonOK}
	asked := p.mute && last.trace.Routed // a knock wants no more
	if last.err != nil && !asked {
		outcome = classify.Classify(classify.Failure{
			Err: last.err, Step: last.step, User: p.namedUser(), Greeting: last.greeting, Notice: last.notice,
		})
	}
	outcome.Knocked, outcome.Dialled = last.knocked, last.dialled
	return outcome
}

// brokenOff is an attempt that a fault of our own ended: it has no reason, so what
// was known of the database stays.
func brokenOff(fault error, last attempt) machine.Outcome {
	return machine.Outcome{Own: true, Step: last.step, Message: fault.Error(), Knocked: last.knocked, Dialled: last.dialled}
}

// login tries the addresses in turn until one answers, and returns the last
// attempt with the errors of all.
func (p *Prober) login(ctx context.Context, config *pgconn.Config) attempt {
	addresses, err := p.addresses(ctx)
	if err != nil {
		return attempt{step: machine.StepDial, err: err}
	}
	var last attempt
	for i, address := range addresses {
		next := p.attempt(ctx, config, address, len(addresses)-i)
		if last.err != nil {
			next.dialled, next.knocked = last.dialled, next.knocked || last.knocked
			if next.err != nil && !next.answered {
				next.err = errors.Join(last.err, next.err)
			}
		}
		if last = next; last.err == nil || last.answered || ctx.Err() != nil {
			break
		}
	}
	last.trace.Addresses = addresses
	return last
}

// addresses resolves the host; the first address is another one each time, so
// that a dead one does not spoil every probe.
func (p *Prober) addresses(ctx context.Context) ([]string, error) {
	found, err := p.options.Lookup(ctx, p.dsn.Host)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, &net.DNSError{Err: "no address", Name: p.dsn.Host, IsNotFound: true}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	first := p.turn % len(found)
	p.turn++
	return slices.Concat(found[first:], found[:first]), nil
}

// namedUser is the role name to compare with the one in a refusal, which tells a
// pooler's own credential from ours. Only a pooler of one's own has such a role;
// Supabase's hosts count failures, so there every rejection is taken as ours.
func (p *Prober) namedUser() string {
	if p.dsn.Mode != dsn.ModeUnknown {
		return ""
	}
	return p.dsn.User
}
