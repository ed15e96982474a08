package probe

import (
	"os"
	"testing"

	"dragonfly.internal/sidecar/internal/realpeer"
)

func TestMain(m *testing.M) { os.Exit(realpeer.SideBySide(m).Run()) }
