package probe

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestLeaks: however probes end, over real sockets, no goroutine and no
// descriptor is left behind.
func TestLeaks(t *testing.T) {
	cycles := soak(500, 10_000)
	pooler, err := poolersim.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer pooler.Close()
	raw := pooler.DSN("app", "pass-word-1", "appdb")
	judged := judge(t, raw)
	prober := New(judged, dsn.NewScrubber(raw, judged), Options{})
	probe := func() {
		pooler.Set(moods[moodNames[rand.IntN(len(moodNames))]])
		m := machine.New(machine.DefaultPolicy(), target(judged), rand.Float64, time.Now())
		permit, err := m.Admit(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		prober.Probe(ctx, permit)
	}
	for range 20 {
		probe()
	}
	goroutines, descriptors := runtime.NumGoroutine(), openFiles(t)
	for range cycles {
		probe()
	}
	// What pgconn and the pooler still close is closed within moments.
	realpeer.Until(t, 20*time.Second, "everything closed", func() error {
		if g, d := runtime.NumGoroutine(), openFiles(t); g > goroutines+2 || d > descriptors+2 {
			return fmt.Errorf("%d goroutines (%d before), %d descriptors (%d before)", g, goroutines, d, descriptors)
		}
		return nil
	})
	// On a busy machine the 20 ms of a probe may be over before it dials.
	if c := pooler.Counts(); c.Sockets > cycles+20 || c.Sockets < cycles || c.Cancels != 0 {
		t.Errorf("%d probes: %+v", cycles+20, c)
	}
}

func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
