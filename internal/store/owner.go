//go:build !windows

package store

import (
	"os"
	"syscall"
)

// keepOwner leaves the file to whom it belongs: after root's "state clear" a
// sidecar that is not root has to be able to read it. Nobody but root can do that,
// and nobody else needs to.
func keepOwner(path string, pending *os.File) {
	info, err := os.Stat(path)
	if err != nil {
		return
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		_ = pending.Chown(int(owner.Uid), int(owner.Gid))
	}
}
