package probe

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// The DSNs of these tests; each password is the simulated pooler's own.
const (
	ownPooler = "postgresql://app:pass-word-1@pooler.railway.internal:6543/appdb?sslmode=require"
	localDSN  = "postgresql://app:pass-word-1@localhost:6543/appdb?sslmode=prefer"
)

// watched is a whole sidecar without HTTP inside a synctest bubble: supervisor,
// prober, pgconn and a simulated pooler over net.Pipe.
type watched struct {
	*supervisor.Supervisor
	pooler *poolersim.Server
	log    *strings.Builder
}

// watch starts one in the bubble and ends it with the test.
func watch(t *testing.T, raw string, script poolersim.Script, options Options) *watched {
	t.Helper()
	w := &watched{pooler: new(poolersim.Server), log: new(strings.Builder)}
	w.pooler.Set(script)
	judged := judge(t, raw)
	if options.Dial == nil {
		options.Dial = w.pooler.Dial
	}
	if options.Lookup == nil {
		options.Lookup = func(context.Context, string) ([]string, error) { return []string{"10.0.0.1"}, nil }
	}
	prober := New(judged, dsn.NewScrubber(raw, judged), options)
	w.Supervisor = supervisor.New(machine.DefaultPolicy(), supervisor.Subject{Target: target(judged), Prober: prober}, nil,
		slog.New(slog.NewTextHandler(w.log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { w.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done; w.pooler.Close() })
	return w
}

func judge(t *testing.T, raw string) dsn.DSN {
	t.Helper()
	rules := dsn.Rules{Env: dsn.Dev}
	rules.AllowHosts = []string{"pooler.railway.internal"}
	report := dsn.Judge(raw, rules, time.Now())
	if !report.Valid() {
		t.Fatalf("%s: %v", report.Code, report.Findings)
	}
	return report.DSN
}

func target(d dsn.DSN) machine.Target {
	return machine.Target{
		Key: d.Key(), Credential: "a", Shared: d.Mode == dsn.ModeShared,
		DBHost: d.Mode == dsn.ModeDedicated || d.Mode == dsn.ModeDirect,
	}
}

// TestSQLStateScrubbed: even the five characters of a SQLSTATE are the peer's to
// choose, and may be a piece of the password.
func TestSQLStateScrubbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, strings.Replace(localDSN, "pass-word-1", "xxHORSExx", 1), poolersim.Script{OnStartup: poolersim.Refusal{SQLState: "HORSE", Message: "no"}}, Options{})
		if got := w.after(time.Second).Attempt; got.Reason != machine.ReasonUnknown || strings.Contains(got.SQLState, "HORS") {
			t.Errorf("%+v", got)
		}
	})
}

// after lets time pass and everything settle.
func (w *watched) after(d time.Duration) *supervisor.Snapshot {
	time.Sleep(d)
	synctest.Wait()
	return w.Snapshot()
}

// startups are the times of all startup messages that reached the pooler.
func (w *watched) startups() (times []time.Time) {
	for _, e := range w.pooler.Events() {
		if e.Kind == poolersim.Startup {
			times = append(times, e.At)
		}
	}
	return times
}

// inBubble runs f in a bubble of its own, and passes rapid's panics on.
func inBubble(t *testing.T, f func()) {
	var caught any
	synctest.Test(t, func(*testing.T) {
		defer func() { caught = recover() }()
		f()
	})
	if caught != nil {
		panic(caught)
	}
}

// TestLockedOutDay: a pooler that says nothing but lockout is asked once per
// window, for a whole day (invariants 1 and 3).
func TestLockedOutDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, ownPooler, poolersim.Script{Auth: poolersim.SCRAM, Password: "pass-word-1", TLS: serverTLS(t), OnPassword: poolersim.CircuitBreaker}, Options{})
		s := w.after(24 * time.Hour)
		if s.State != machine.Lockout || s.Trigger != machine.TriggerCircuitBreaker {
			t.Fatalf("state %s, trigger %s", s.State, s.Trigger)
		}
		times := w.startups()
		for i := 1; i < len(times); i++ {
			if gap := times[i].Sub(times[i-1]); gap < 15*time.Minute || gap >= 20*time.Minute+time.Second {
				t.Errorf("login %d came %s after the one before", i+1, gap)
			}
		}
		if n := len(times); n < 72 || n > 97 || w.pooler.Counts().Sockets != n {
			t.Errorf("%d logins over %d sockets in 24 hours", n, w.pooler.Counts().Sockets)
		}
		if s.Violations != 0 || s.WindowsInRow != len(times) {
			t.Errorf("%d violations, %d windows in a row, %d logins", s.Violations, s.WindowsInRow, len(times))
		}
		reminders := strings.Count(w.log.String(), "No connection attempts until backoff expires.")
		if want := 24 * 60; reminders < want-len(times) || reminders > want+len(times) {
			t.Errorf("%d reminders in a day of minutes", reminders)
		}
	})
}

// TestHungServer: a peer that stops answering costs one probe's time, whatever
// step it stops at, and is one login at most (invariant 2).
func TestHungServer(t *testing.T) {
	for name, c := range map[string]struct {
		script poolersim.Script
		step   machine.Step
	}{
		"tls":      {poolersim.Script{OnTLS: poolersim.Hang}, machine.StepTLS},
		"startup":  {poolersim.Script{OnStartup: poolersim.Hang}, machine.StepStartup},
		"password": {poolersim.Script{Auth: poolersim.SCRAM, OnPassword: poolersim.Hang}, machine.StepStartup},
		"query":    {poolersim.Script{OnQuery: poolersim.Hang}, machine.StepQuery},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.script.TLS = serverTLS(t)
				w := watch(t, ownPooler, c.script, Options{})
				if s := w.after(5*time.Second - 1); s.State != machine.Starting {
					t.Errorf("state %s before the probe's time is over", s.State)
				}
				s := w.after(time.Second)
				if s.State != machine.Retrying || s.Reason != machine.ReasonTimeout || s.Attempt.Step != c.step {
					t.Errorf("state %s, reason %s at %s: %s", s.State, s.Reason, s.Attempt.Step, s.Attempt.Message)
				}
				if n := w.pooler.Counts().Sockets; n != 1 {
					t.Errorf("%d sockets for one probe", n)
				}
				w.pooler.Set(poolersim.Script{TLS: serverTLS(t)})
				if s := w.after(10 * time.Second); !s.Ready() {
					t.Errorf("not ready after the server came back: %s", s.Attempt.Message)
				}
			})
		})
	}
}

// TestOneLoginOfSeveralAddresses: an address that answers is the only one that
// hears of us, in whatever words it refuses; pgconn's own Connect would ask all.
func TestOneLoginOfSeveralAddresses(t *testing.T) {
	refusal := poolersim.Refusal{Severity: "FATAL", SQLState: "XX000", Message: "Max client connections reached"}
	for raw, secure := range map[string]bool{localDSN: false, ownPooler: true} {
		synctest.Test(t, func(t *testing.T) {
			script := poolersim.Script{OnStartup: refusal}
			if secure {
				script.TLS = serverTLS(t)
			}
			w := watch(t, raw, script, Options{Lookup: addresses("10.0.0.1", "10.0.0.2", "10.0.0.3")})
			s := w.after(time.Second)
			if s.Reason != machine.ReasonSaturated {
				t.Errorf("reason %s: %s", s.Reason, s.Attempt.Message)
			}
			if c := w.pooler.Counts(); c.Sockets != 1 || c.Startups != 1 || c.Passwords != 0 {
				t.Errorf("one permit: %+v", c)
			}
		})
	}
}

// TestSilentAddress: the next address is tried when one does not answer, within
// its share of the probe's time, and the first one changes from probe to probe.
func TestSilentAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		silent := new(poolersim.Server)
		silent.Set(poolersim.Script{OnAccept: poolersim.Hang})
		t.Cleanup(silent.Close)
		healthy := new(poolersim.Server)
		healthy.Set(poolersim.Script{Auth: poolersim.MD5, Password: "pass-word-1"})
		t.Cleanup(healthy.Close)
		w := watch(t, localDSN, poolersim.Script{}, Options{
			Lookup: addresses("10.0.0.1", "10.0.0.2"),
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				asked = append(asked, address)
				if strings.HasPrefix(address, "10.0.0.1:") {
					return silent.Dial(ctx, network, address)
				}
				return healthy.Dial(ctx, network, address)
			},
		})
		s := w.after(2500 * time.Millisecond)
		if !s.Ready() || s.Attempt.Latency != 2500*time.Millisecond {
			t.Errorf("state %s after %s", s.State, s.Attempt.Latency)
		}
		s = w.after(40 * time.Second)
		if want := []string{"10.0.0.1:6543", "10.0.0.2:6543", "10.0.0.2:6543"}; !slices.Equal(asked, want) {
			t.Errorf("asked %v, want %v", asked, want)
		}
		if c := healthy.Counts(); c.Passwords != 2 || !s.Ready() {
			t.Errorf("%+v, state %s", c, s.State)
		}
	})
}

// TestSlowAnswer: an address that answered may use all of the probe's time, as
// no other will be asked.
func TestSlowAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := poolersim.Script{Auth: poolersim.Cleartext, Password: "pass-word-1", OnPassword: poolersim.Slow{By: 4 * time.Second}}
		w := watch(t, localDSN, script, Options{Lookup: addresses("10.0.0.1", "10.0.0.2", "10.0.0.3")})
		if s := w.after(4500 * time.Millisecond); !s.Ready() || w.pooler.Counts().Sockets != 1 {
			t.Errorf("state %s: %s; %+v", s.State, s.Attempt.Message, w.pooler.Counts())
		}
	})
}

// TestPermits: without a permit, or with one that was used, nothing is dialled.
func TestPermits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pooler := new(poolersim.Server)
		defer pooler.Close()
		judged := judge(t, localDSN)
		p := New(judged, dsn.NewScrubber(localDSN, judged), Options{Dial: pooler.Dial, Lookup: addresses("10.0.0.1")})
		m := machine.New(machine.DefaultPolicy(), target(judged), func() float64 { return 0 }, time.Now())
		permit, err := m.Admit(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if o := p.Probe(t.Context(), permit); o.Reason != machine.ReasonOK {
			t.Fatalf("%s: %s", o.Reason, o.Message)
		}
		for _, useless := range []machine.Permit{permit, {}} {
			if o := p.Probe(t.Context(), useless); o.Reason != "" || !o.Dialled.IsZero() {
				t.Errorf("a useless permit led to %+v", o)
			}
		}
		if n := pooler.Counts().Sockets; n != 1 {
			t.Errorf("%d sockets for one permit", n)
		}
	})
}

func addresses(list ...string) func(context.Context, string) ([]string, error) {
	return func(context.Context, string) ([]string, error) { return list, nil }
}

func serverTLS(t *testing.T) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{poolersim.SelfSigned("pooler.railway.internal")}}
}
