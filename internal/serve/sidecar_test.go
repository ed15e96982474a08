package serve

import (
	"context"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// slowStore is one that is still reading when the process is told to end.
type slowStore struct {
	*store.Memory
	loads   atomic.Int32
	reading chan struct{}
	read    atomic.Bool
}

func (s *slowStore) Load(ctx context.Context) (machine.Record, bool, error) {
	if s.loads.Add(1) == 2 { // the first is the start's
		close(s.reading)
		<-ctx.Done()
		time.Sleep(800 * time.Millisecond) // a slow disk: longer than the pages linger
		s.read.Store(true)
	}
	return machine.Record{}, false, nil
}

// TestRunWaits: Run returns when nothing reads the store any more, so that it can
// be closed.
func TestRunWaits(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	place := &slowStore{Memory: store.NewMemory(), reading: make(chan struct{})}
	hangup := make(chan os.Signal, 1)
	ctx, cancel := context.WithCancel(t.Context())
	hangup <- syscall.SIGHUP
	go func() { <-place.reading; cancel() }()
	s := Sidecar{Config: config.Config{}, Store: place, Listener: listener, Hangup: hangup, Log: slog.New(slog.DiscardHandler)}
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
	if !place.read.Load() {
		t.Error("Run has returned, and the store is still being read")
	}
}

// TestEndsWithin: a disk that never answers does not keep the process.
func TestEndsWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		begun := time.Now()
		if endsWithin(time.Second, func() { <-never }) || time.Since(begun) != time.Second {
			t.Errorf("it waited %s", time.Since(begun))
		}
		close(never)
		if !endsWithin(time.Second, func() { <-never }) {
			t.Error("what ends at once did not end in time")
		}
	})
}
