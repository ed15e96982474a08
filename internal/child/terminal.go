//go:build !windows

package child

import (
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// lend makes a process group the one that reads from the terminal, if a terminal
// is our stdin and ours to give. Without it a shell as CMD would stop at its first
// read.
func lend(group int) (lent bool) {
	if owner, err := unix.IoctlGetInt(0, unix.TIOCGPGRP); err != nil || owner != syscall.Getpgrp() {
		return false
	}
	if unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, group) != nil {
		return false
	}
	_ = syscall.Kill(-group, syscall.SIGCONT) // it may have read before the terminal was its own
	return true
}

// takeBack makes the terminal ours again, so that Ctrl-C ends a hold.
func takeBack() {
	signal.Ignore(syscall.SIGTTOU) // what the kernel sends to those who ask for it
	defer signal.Reset(syscall.SIGTTOU)
	_ = unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, syscall.Getpgrp())
}
