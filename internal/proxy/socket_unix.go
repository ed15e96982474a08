//go:build unix && !linux

package proxy

import "syscall"

// readNow reads what a socket has; EAGAIN when that is nothing.
func readNow(fd uintptr, into []byte) (int, error) { return now(syscall.Read, fd, into) }

// writeNow writes what a socket takes; EAGAIN when that is nothing.
func writeNow(fd uintptr, from []byte) (int, error) { return now(syscall.Write, fd, from) }

func now(call func(int, []byte) (int, error), fd uintptr, text []byte) (n int, err error) {
	for {
		if n, err = call(int(fd), text); err != syscall.EINTR {
			return n, err
		}
	}
}
