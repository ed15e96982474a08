package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// version of the format. A file of a newer one may hold a window that this
// version does not understand, and counts as lost.
const version = 1

// content is what is stored, as JSON that people can read.
type content struct {
	Version   int            `json:"version"`
	WrittenAt time.Time      `json:"written_at"`
	Revision  string         `json:"revision"` // another one with each writing
	Salt      []byte         `json:"salt"`
	Record    machine.Record `json:"record"`
}

func encode(c content) ([]byte, error) {
	text, err := json.MarshalIndent(c, "", "  ")
	return append(text, '\n'), err
}

// decode reads what is stored. Half a text, or one that says too little, is an
// error: better silent for a window than early in one.
func decode(text []byte) (content, error) {
	var c content
	if len(bytes.TrimSpace(text)) == 0 {
		return c, errors.New("it is empty")
	}
	var head struct{ Version int }
	if json.Unmarshal(text, &head) == nil && head.Version > version {
		return c, fmt.Errorf("it is of version %d, and this program knows %d", head.Version, version)
	}
	if json.Unmarshal(text, &c) != nil || c.Version != version || c.WrittenAt.IsZero() || c.Revision == "" || len(c.Salt) == 0 {
		return c, errors.New("it is torn, or no state of a sidecar")
	}
	for _, w := range c.Record.Windows {
		if w.Key == "" || w.Until.IsZero() || !w.Opened.Before(w.Until) {
			return c, errors.New("it holds half a window")
		}
	}
	c.Record = Storable(c.Record)
	return c, nil
}
