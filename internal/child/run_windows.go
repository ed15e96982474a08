package child

import (
	"context"
	"io"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/worker"
)

// Run refuses: what keeps a lockout from growing, a process group that can be
// ended as a whole and orphans that come back to us, is not to be had here.
func Run(context.Context, config.Config, time.Duration, worker.Policy, Command, io.Writer) error {
	return exit.Fail(exit.Failure, "run: does not work on Windows, which has no signals and no process groups for it", "start the worker in a Linux container or in WSL; here, sidecar wait holds a start until the sidecar says ready")
}
