//go:build !windows

package child

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"dragonfly.internal/sidecar/internal/disk"
)

// hold is where the end of a hold outlives run: a platform that restarts the container
// would else start CMD in the middle of it. One file for each CMD, sidecar and database.
type hold struct{ path string }

// keptHold is what the file says.
type keptHold struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

// newHold names the file after what the hold is of.
func newHold(directory, sidecar, key string, args []string) hold {
	of := sha256.Sum256([]byte(strings.Join(append([]string{sidecar, key}, args...), "\x00")))
	return hold{filepath.Join(directory, "sidecar-hold-"+hex.EncodeToString(of[:8])+".json")}
}

// save keeps a hold.
func (h hold) save(now, until time.Time) error {
	text, err := json.Marshal(keptHold{now.UTC(), until.UTC()})
	if err == nil {
		err = disk.Replace(h.path, append(text, '\n'), nil)
	}
	if err != nil {
		return fmt.Errorf("keep the hold: %w", err)
	}
	return nil
}

// load returns until when a hold from before goes on; zero: there is none. None is
// longer than most, whatever became of the clock.
func (h hold) load(now time.Time, most time.Duration) (until time.Time, err error) {
	text, err := h.read()
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	var kept keptHold
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read the hold from before: %w", err)
	}
	until = kept.Until
	if back := kept.Since.Sub(now); back > 0 { // the clock was set back
		until = until.Add(-back)
	}
	if limit := now.Add(most); until.After(limit) {
		until = limit
	}
	if !until.After(now) {
		return time.Time{}, nil
	}
	return until, nil
}

// read reads a file of our own: in a folder for all, anybody may have put one there.
func (h hold) read() ([]byte, error) {
	file, err := os.OpenFile(h.path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !info.Mode().IsRegular() || ok && int(owner.Uid) != os.Geteuid() {
		return nil, errors.New("the file is somebody else's")
	}
	return io.ReadAll(io.LimitReader(file, 1<<10))
}
