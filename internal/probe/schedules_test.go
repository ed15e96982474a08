package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// moods are what the pooler may turn to in a schedule.
var moods = map[string]poolersim.Script{
	"healthy":         {Auth: poolersim.SCRAM, Password: "pass-word-1"},
	"wrong password":  {Auth: poolersim.SCRAM, Password: "another"},
	"breaker":         {OnStartup: poolersim.CircuitBreaker},
	"nameless":        {OnQuery: poolersim.ServerLoginRetry},
	"named":           {OnQuery: poolersim.CachedError(`password authentication failed for user "app"`)},
	"query wait":      {OnQuery: poolersim.QueryWaitTimeout},
	"starting up":     {OnStartup: poolersim.Refusal{SQLState: "57P03", Message: "the database system is starting up"}},
	"no database":     {OnStartup: poolersim.Refusal{SQLState: "3D000", Message: `database "appdb" does not exist`}},
	"unknown words":   {OnStartup: poolersim.Refusal{SQLState: "XX000", Message: "pass-word-1 is what you said"}},
	"hangs at login":  {OnStartup: poolersim.Hang},
	"hangs at query":  {OnQuery: poolersim.Hang},
	"hangs up":        {OnStartup: poolersim.Drop},
	"speaks nonsense": {OnStartup: poolersim.Raw("nonsense")},
}

// TestSchedulesOfAll drives everything but the operating system through random
// schedules: the pooler's moods, pauses, requests, rotations, and processes that
// are killed with a disk that works or does not.
// The model knows nothing of the machine. It reads what people are told and
// holds it against what the pooler saw: nothing inside a window that was told
// (invariant 1), one socket and at most one login at a time (2), windows within
// their bounds (3), an answer at any time (4), no piece of the password (5).
func TestSchedulesOfAll(t *testing.T) {
	schedules, attempts := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		schedules++
		inBubble(t, func() { attempts += schedule(rt) })
	})
	t.Logf("%d schedules, %d attempts, 0 violations", schedules, attempts)
}

// schedule plays one schedule and returns how many sockets the pooler saw.
func schedule(t *rapid.T) int {
	m := newModel()
	defer m.end()
	m.start()
	t.Repeat(map[string]func(*rapid.T){
		"mood": func(t *rapid.T) { m.pooler.Set(moods[rapid.SampledFrom(moodNames).Draw(t, "mood")]) },
		"wait": func(t *rapid.T) {
			time.Sleep(time.Duration(rapid.Int64Range(0, int64(40*time.Second)).Draw(t, "pause")))
		},
		"wait long": func(t *rapid.T) {
			time.Sleep(time.Duration(rapid.Int64Range(0, int64(25*time.Minute)).Draw(t, "pause")))
		},
		"kill": func(t *rapid.T) {
			m.stop()
			m.forget()
			m.start()
		},
		"break the disk": func(t *rapid.T) { m.disk.broken.Store(true) },
		"mend the disk":  func(t *rapid.T) { m.disk.broken.Store(false) },
		"rotate": func(t *rapid.T) {
			raw := rapid.SampledFrom([]string{localDSN, strings.Replace(localDSN, "pass-word-1", "other-word-1", 1)}).Draw(t, "dsn")
			target, prober := m.targetOf(raw)
			m.supervisor.Retarget(context.Background(), supervisor.Subject{Target: target, Prober: prober}) // waits for a probe to end
			m.listen(t, m.status(t))                                                                        // what that probe found is not of the time after
			m.raw, m.begun = raw, time.Now()
		},
		"database is away":      m.away,
		"credential is refused": m.refused,
		"":                      m.check,
	})
	return m.pooler.Counts().Sockets
}

// moodNames is in order, so that a seed tells the same story again.
var moodNames = slices.Sorted(maps.Keys(moods))

// model is one schedule: the pooler, the sidecar, and what it has told.
type model struct {
	pooler     *poolersim.Server
	raw        string // the DSN
	supervisor *supervisor.Supervisor
	log        journal
	disk       disk
	stop       func()
	ask        func(path string) *httptest.ResponseRecorder
	told       []window // the windows that people were told of
	seen       int      // events of the pooler that were looked at
	begun      time.Time
	unended    machine.Begun // the attempt that the process before did not end
}

// disk is a store of bytes that may refuse to be written.
type disk struct {
	mu     sync.Mutex
	broken atomic.Bool
	text   []byte
}

func (d *disk) Save(_ context.Context, r machine.Record) (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken.Load() {
		return errors.New("no space left on device")
	}
	d.text, err = json.Marshal(r)
	return err
}

// load is the record, and the zero one before the first writing.
func (d *disk) load() (r machine.Record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.text) > 0 {
		if err := json.Unmarshal(d.text, &r); err != nil {
			panic(err)
		}
	}
	return r
}

// forget drops the windows that have not reached the disk, and are not over.
func (m *model) forget() {
	stored := m.disk.load().Windows
	m.told = slices.DeleteFunc(m.told, func(w window) bool {
		return w.until.After(time.Now()) && !slices.ContainsFunc(stored, func(s machine.Window) bool { return s.Until.Sub(w.until).Abs() <= time.Second })
	})
}

// targetOf is what a DSN is to the supervisor, and the prober for it.
func (m *model) targetOf(raw string) (machine.Target, supervisor.Prober) {
	d := dsn.Judge(raw, dsn.Rules{Env: dsn.Dev}, time.Now()).DSN
	target := target(d)
	target.Credential, target.DSN = d.Password.Reveal(), raw
	return target, New(d, dsn.NewScrubber(raw, d), Options{Dial: m.pooler.Dial, Lookup: addresses("10.0.0.1", "10.0.0.2")})
}

type window struct{ from, until time.Time }

// journal keeps what was logged until somebody takes it.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) take() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	defer j.text.Reset()
	return j.text.String()
}

func newModel() *model {
	m := &model{pooler: new(poolersim.Server), raw: localDSN}
	m.pooler.Set(moods["healthy"])
	return m
}

// start begins a process.
func (m *model) start() {
	m.begun = time.Now()
	target, prober := m.targetOf(m.raw)
	log := slog.New(slog.NewJSONHandler(&m.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	judge := func(now time.Time) dsn.Report { return dsn.Judge(m.raw, dsn.Rules{Env: dsn.Dev}, now) }
	s := supervisor.New(machine.DefaultPolicy(), supervisor.Subject{Target: target, Prober: prober, Judge: judge}, &m.disk, log)
	record := m.disk.load()
	s.Begin(record, nil)
	m.unended = record.Attempt
	m.supervisor = s
	handler := health.NewHandler(health.Source{Snapshot: s.Snapshot, Env: dsn.Dev})
	m.ask = func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	m.stop = func() { cancel(); <-done }
}

func (m *model) end() {
	m.stop()
	m.pooler.Close()
	synctest.Wait()
}

// check asks every page and holds what it says against what the pooler saw.
func (m *model) check(t *rapid.T) {
	synctest.Wait()
	if w := m.ask("/health"); w.Code != 200 {
		t.Fatalf("/health: %d", w.Code)
	}
	var pages strings.Builder
	for _, path := range []string{"/readyz", "/readyz?verbose&stable=30s", "/status", "/metrics", "/"} {
		pages.WriteString(m.ask(path).Body.String())
	}
	if said := pages.String() + m.log.take(); strings.Contains(said, "word-1") {
		t.Fatalf("the password comes out:\n%s", said)
	}
	status := m.status(t)
	if status.Logins.InWindow != 0 {
		t.Fatalf("it counts %d logins in a window itself", status.Logins.InWindow)
	}
	m.listen(t, status)
	m.watch(t)
}

// status is what /status says.
func (m *model) status(t *rapid.T) (s health.Status) {
	if err := json.Unmarshal(m.ask("/status").Body.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// listen notes a window that is told of.
func (m *model) listen(t *rapid.T, status health.Status) {
	if status.State != string(machine.Lockout) || status.RetryInSeconds == 0 {
		return
	}
	until := status.RetryAt.Add(-time.Second) // it is rounded up
	last := status.LastAttempt
	if last == nil || last.At.Before(m.begun.Truncate(time.Millisecond)) { // taken up from the disk
		trial := m.unended.At.Add(machine.DefaultPolicy().Lockout.Min)
		switch {
		case slices.ContainsFunc(m.told, func(w window) bool { return w.until.Equal(until) }):
		case m.unended.After != "" && status.RetryAt.Sub(trial).Abs() <= time.Second:
			m.told = append(m.told, window{m.begun, until})
		default:
			t.Fatalf("a restart made a window until %s out of %v", until, m.told)
		}
		return
	}
	// The attempt that opened it took at most 5 s.
	if length := status.RetryAt.Sub(last.At); length < 15*time.Minute || length > 20*time.Minute+7*time.Second {
		t.Fatalf("a window of %s", length)
	}
	if n := len(m.told); n == 0 || m.told[n-1].until.Before(until) {
		m.told = append(m.told, window{last.At.Add(time.Duration(last.LatencyMS+1) * time.Millisecond), until})
	}
}

// watch looks at what has reached the pooler since the last time.
func (m *model) watch(t *rapid.T) {
	events := m.pooler.Events()
	logins := make(map[int]int)
	var last time.Time
	for i, e := range events {
		switch e.Kind {
		case poolersim.Socket:
			for _, w := range m.told {
				if i >= m.seen && e.At.After(w.from) && e.At.Before(w.until) {
					t.Fatalf("a socket at %s inside the window from %s to %s", e.At, w.from, w.until)
				}
			}
		case poolersim.Startup:
			logins[e.Conn]++
			if i >= m.seen && last.After(m.begun) && e.At.Sub(last) < time.Second {
				t.Fatalf("two logins within %s", e.At.Sub(last))
			}
			last = e.At
		case poolersim.Cancel:
			t.Fatal("a cancel request")
		}
	}
	for conn, n := range logins {
		if n > 1 {
			t.Fatalf("%d logins on connection %d", n, conn)
		}
	}
	m.seen = len(events)
}
