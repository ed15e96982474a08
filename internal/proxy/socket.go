//go:build !windows

package proxy

import "syscall"

// supported is whether the proxy works on this system.
const supported = true

// hasEnded reports whether the other end has closed a socket, without reading what it
// has said.
func hasEnded(fd uintptr) bool {
	var one [1]byte
	n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return n == 0 && err == nil || err != nil && err != syscall.EAGAIN && err != syscall.EINTR
}

// descriptors is how many the process may have, at most 1<<30, if that is known.
func descriptors() (all int, known bool) {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return int(min(limit.Cur, 1<<30)), err == nil
}
