package notify

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// scene is a notifier on a clock of its own, with a snapshot that the test sets.
type scene struct {
	*Notifier
	shown atomic.Pointer[supervisor.Snapshot]
	mu    sync.Mutex
	told  machine.Told // what is stored
	log   bytes.Buffer
	begin time.Time
}

// newScene returns a notifier whose messages are answered by post.
func newScene(t *testing.T, post func(context.Context, Message) Answer) *scene {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	s := &scene{begin: time.Now()}
	s.show("ready")
	s.Notifier = New(Options{
		To: Receiver{URL: dsn.NewSecret("https://example.com/secret")}, Snapshot: s.shown.Load, Stored: true, Env: "prod", Instance: "c0ffee12",
		Tell: func(_ context.Context, told machine.Told) { s.store(told) },
		Log:  slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	s.post = post
	return s
}

// store keeps what was told.
func (s *scene) store(told machine.Told) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = told
}

// show publishes a verdict of now, with a window or hold of 15 minutes.
func (s *scene) show(name string) {
	v := verdicts[name]
	if v.Since = time.Now(); v.State == machine.Lockout || v.State == machine.Rejected {
		v.Next = v.Since.Add(15 * time.Minute)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown.Store(&supervisor.Snapshot{Status: v, Target: machine.Target{Key: "9f2c01ab"}, Told: s.told})
}

// TestTries: five tries with their pauses, which a receiver may make longer within
// reason; then the message is given up, and the next one goes its own way.
func TestTries(t *testing.T) {
	for name, test := range map[string]struct {
		after time.Duration
		good  int // the first try that is answered well; 0: none
		want  []string
		count string
	}{
		"at once":     {0, 1, []string{"0s"}, "{webhook 1 0 0}"},
		"later":       {0, 3, []string{"0s", "2s", "10s"}, "{webhook 1 2 0}"},
		"never":       {0, 0, []string{"0s", "2s", "10s", "40s", "2m40s"}, "{webhook 0 4 1}"},
		"retry-after": {20 * time.Second, 0, []string{"0s", "20s", "40s", "1m10s", "3m10s"}, "{webhook 0 4 1}"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var tries []string
				var first time.Time
				s := newScene(t, func(context.Context, Message) Answer {
					if first.IsZero() {
						first = time.Now()
					}
					tries = append(tries, time.Since(first).String())
					return Answer{Text: "nobody listens", OK: len(tries) == test.good, After: test.after}
				})
				ctx, cancel := context.WithCancel(t.Context())
				go s.Run(ctx)
				time.Sleep(time.Second)
				s.show("breaker")
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if got := fmt.Sprint(s.Notifications()); !slices.Equal(tries, test.want) || got != test.count {
					t.Errorf("tries at %q, %s", tries, got)
				}
				if stored := !s.told.IsZero(); stored != (test.good > 0) {
					t.Errorf("sent %v, remembered %v", test.good > 0, stored)
				}
				if strings.Contains(s.log.String(), "secret") {
					t.Errorf("logs %s", &s.log)
				}
				cancel()
			})
		})
	}
}

// TestFlood: while one message waits for a receiver that never answers, the newest of
// the others are kept, and nobody is held up.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []string
		var newest string
		var dead atomic.Bool
		dead.Store(true)
		s := newScene(t, func(ctx context.Context, m Message) Answer {
			if dead.Load() {
				<-ctx.Done()
				return Answer{}
			}
			heard = append(heard, string(m.Event))
			if m.Event == Lockout {
				newest = m.Text
			}
			return Answer{OK: true}
		})
		hang, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
		inner := s.post
		s.post = func(_ context.Context, m Message) Answer { return inner(hang, m) }
		ctx, stop := context.WithCancel(t.Context())
		go s.Run(ctx)
		var until string
		for range 10 { // 20 messages
			s.show("breaker")
			until = s.shown.Load().RetryTime(time.Now()).Format("15:04:05 UTC")
			time.Sleep(30 * time.Second)
			s.show("ready")
			time.Sleep(30 * time.Second)
		}
		dead.Store(false)
		cancel()
		time.Sleep(time.Hour)
		want := []string{"ready", "lockout", "ready", "lockout", "ready", "lockout", "ready", "lockout", "ready"}
		if n := s.Notifications(); !slices.Equal(heard[1:], want[1:]) || n.Failed != 11 || n.Sent != 9 || !strings.Contains(newest, until) {
			t.Errorf("heard %q, %+v; the newest is %q", heard, n, newest)
		}
		stop()
	})
}

// TestNextProcess: what a process has told, the next ones do not repeat: they take it
// up from the store, also when it is read late; without one, from a file; and where
// there is neither they are quiet at first.
func TestNextProcess(t *testing.T) {
	for name, test := range map[string]struct {
		stored, late, noFile bool
		want                 string
	}{
		"store":      {stored: true, noFile: true, want: "[rejected ready]"},
		"store late": {stored: true, noFile: true, late: true, want: "[rejected ready]"},
		"file":       {want: "[rejected]"}, // ready is told after a quarter of an hour
		"neither":    {noFile: true, want: "[rejected]"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var said []string
				s := newScene(t, nil)
				if test.noFile {
					t.Setenv("TMPDIR", filepath.Join(os.TempDir(), "none"))
				}
				run := func(stored machine.Told, verdicts ...string) {
					next := New(s.options)
					next.options.Stored = test.stored
					next.post = func(_ context.Context, m Message) Answer {
						said = append(said, string(m.Event))
						return Answer{OK: true}
					}
					if s.store(stored); test.late {
						s.store(machine.Told{})
					}
					ctx, stop := context.WithCancel(t.Context())
					defer synctest.Wait()
					defer stop()
					for i, name := range verdicts {
						if s.show(name); i == 0 {
							go next.Run(ctx)
						}
						time.Sleep(10 * time.Second)
						s.store(stored)
					}
				}
				run(machine.Told{}, "ready", "auth_failed", "auth_failed")
				stored := machine.Told{}
				if test.stored {
					stored = machine.Told{Down: time.Now().Add(-20 * time.Second), Last: time.Now(), About: map[string]time.Time{"rejected auth_failed": time.Now()}}
				}
				run(stored, "starting", "auth_failed")
				run(stored, "starting", "auth_failed", "ready")
				if got := fmt.Sprint(said); got != test.want {
					t.Errorf("told %s, want %s", got, test.want)
				}
			})
		})
	}
}

// TestScratch: what everybody can put in its place is no harm.
func TestScratch(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := newScratch(dsn.NewSecret("https://example.com/secret"), "9f2c01ab")
	if told := s.read(); !told.IsZero() {
		t.Errorf("%+v out of nothing", told)
	}
	want := machine.Told{Last: time.Now().UTC().Round(0), About: map[string]time.Time{"down": time.Now().UTC().Round(0)}}
	if err := s.write(want); err != nil || fmt.Sprint(s.read()) != fmt.Sprint(want) {
		t.Errorf("%v, %+v", err, s.read())
	}
	for _, text := range []string{"", "{", `{"last":7}`, "[]", strings.Repeat("x", 1<<20)} {
		if err := os.WriteFile(string(s), []byte(text), 0o600); err != nil || !s.read().IsZero() {
			t.Errorf("%.20q: %v, %+v", text, err, s.read())
		}
	}
	os.Remove(string(s))
	if err := os.Symlink("/dev/zero", string(s)); err != nil || !s.read().IsZero() {
		t.Errorf("a link: %v, %+v", err, s.read())
	}
	if strings.Contains(string(s), "secret") {
		t.Error(s)
	}
}
