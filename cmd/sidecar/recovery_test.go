package main

import (
	"dragonfly.internal/sidecar/internal/worker"

	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/child"
	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestStagedRecovery: after a lockout the API comes up first, then the workers
// one stage after the other, by nothing but --stable; and none in the window.
func TestStagedRecovery(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_LOCKOUT_MIN=3s", "SIDECAR_LOCKOUT_MAX=3s", "SIDECAR_PROBE_INTERVAL=200ms")
	s.await(machine.Lockout, 10*time.Second)
	const stage, jitter = 5 * time.Second, time.Second
	var stages []*launched
	for i := range 3 {
		stages = append(stages, shell(t, []string{"SIDECAR_URL=" + s.url},
			fmt.Sprintf("--stable %s --jitter %s", time.Duration(i)*stage, jitter), "sleep 100 & wait"))
	}
	for _, r := range stages {
		r.awaitWords(&r.says, "waiting: Lockout backoff: ", 10*time.Second)
	}
	pooler.Set(poolersim.Script{})
	ready := *s.await(machine.Ready, 10*time.Second).LastSuccessAt
	for i, r := range stages {
		r.awaitStarts(1, 20*time.Second)
		after, due := r.starts()[0].Sub(ready), time.Duration(i)*stage
		t.Logf("stage %d starts %s after ready", i+1, after.Round(time.Millisecond))
		// A question every 2.4 s at most, the jitter, and two seconds for the machine.
		if after < due || after > due+2400*time.Millisecond+jitter+2*time.Second {
			t.Errorf("stage %d starts %s after ready", i+1, after)
		}
		if i > 0 && !r.starts()[0].After(stages[i-1].starts()[0]) {
			t.Errorf("stage %d starts before stage %d", i+1, i)
		}
	}
}

// TestStampede: 200 waiters on one sidecar are all released within their jitter of
// the answer that lets them go, and spread over it. In make soak each is a process.
func TestStampede(t *testing.T) {
	t.Parallel()
	const waiters, jitter, question, slack = 200, 3 * time.Second, 2400 * time.Millisecond, 2 * time.Second
	pooler := listen(t, poolers["STARTING"])
	s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_RETRY_MIN=100ms", "SIDECAR_RETRY_MAX=100ms")
	s.await(machine.Retrying, 10*time.Second)
	wait := waiter(t, s.url, jitter)
	var all sync.WaitGroup
	var waiting atomic.Int32
	released := make([]time.Time, waiters)
	for i := range waiters {
		all.Go(func() {
			said := noticed{once: func() { waiting.Add(1) }}
			if err := wait(&said); err != nil {
				t.Error(err)
			}
			released[i] = time.Now()
		})
	}
	realpeer.Until(t, time.Minute, "all wait", func() error {
		if n := waiting.Load(); n < waiters {
			return fmt.Errorf("%d wait", n)
		}
		return nil
	})
	pooler.Set(poolersim.Script{})
	ready := s.await(machine.Ready, 10*time.Second).Since
	all.Wait()
	slices.SortFunc(released, time.Time.Compare)
	first, median, last := released[0].Sub(ready), released[waiters/2].Sub(ready), released[waiters-1].Sub(ready)
	t.Logf("%d waiters released %s to %s after ready, half of them by %s", waiters, first.Round(time.Millisecond), last.Round(time.Millisecond), median.Round(time.Millisecond))
	if first < 0 || last > question+jitter+slack {
		t.Errorf("released from %s to %s after ready", first, last)
	}
	// Without jitter the questions' own rhythm would spread them over 2.4 s.
	if median < question/2 || last < question+jitter/4 {
		t.Error("not spread over the jitter")
	}
}

// waiter returns a "sidecar wait" that writes to stderr what it says.
func waiter(t *testing.T, address string, jitter time.Duration) func(stderr io.Writer) error {
	t.Helper()
	if os.Getenv("SOAK") == "" {
		return func(stderr io.Writer) error {
			return child.Wait(t.Context(), config.Config{SidecarURL: address}, 0, worker.Policy{Jitter: jitter}, stderr)
		}
	}
	binary := filepath.Join(t.TempDir(), "sidecar") // without the race detector 200 fit in
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return func(stderr io.Writer) error {
		command := exec.Command(binary, "wait", "--jitter", jitter.String())
		command.Env, command.Stderr = []string{"SIDECAR_URL=" + address}, stderr
		return command.Run()
	}
}

// noticed calls once at the first thing that is written.
type noticed struct {
	once func()
	done sync.Once
}

func (n *noticed) Write(b []byte) (int, error) {
	n.done.Do(n.once)
	return len(b), nil
}
