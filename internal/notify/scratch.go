package notify

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"dragonfly.internal/sidecar/internal/disk"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// scratch is a file among the machine's temporary ones that remembers what was told,
// for a process without a store that crashes and starts anew. To lose it costs a
// message more, and a wrong one costs a message for a quarter of an hour.
type scratch string

// newScratch is the file of one receiver and one database.
func newScratch(to dsn.Secret, key string) scratch {
	return scratch(filepath.Join(os.TempDir(), "sidecar-told-"+dsn.Fingerprint([]byte(key), to.Reveal())+".json"))
}

// read returns what was told; nothing when it cannot be read.
func (s scratch) read() (told machine.Told) {
	info, err := os.Lstat(string(s))
	if err != nil || !info.Mode().IsRegular() { // everybody may write there
		return told
	}
	file, err := os.Open(string(s))
	if err != nil {
		return told
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 64<<10))
	if err != nil || json.Unmarshal(text, &told) != nil {
		return machine.Told{}
	}
	return told
}

// write replaces the file.
func (s scratch) write(told machine.Told) error {
	text, err := json.Marshal(told)
	if err != nil {
		return err
	}
	err = disk.Replace(string(s), text, nil)
	if path, ok := errors.AsType[*os.PathError](err); ok {
		return path.Err
	}
	return err
}
