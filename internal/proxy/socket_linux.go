package proxy

import (
	"syscall"
	"unsafe"
)

// readNow reads what a socket has; EAGAIN when that is nothing.
func readNow(fd uintptr, into []byte) (int, error) { return now(syscall.SYS_READ, fd, into) }

// writeNow writes what a socket takes; EAGAIN when that is nothing.
func writeNow(fd uintptr, from []byte) (int, error) { return now(syscall.SYS_WRITE, fd, from) }

// now makes a call that cannot block, since a connection's socket never does, and so
// without telling the runtime: it would take a call of more than 20 us for one that
// blocks, and start another thread meanwhile. That cost a fifth of a small query.
func now(call, fd uintptr, text []byte) (int, error) {
	for {
		n, _, err := syscall.RawSyscall(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(text))), uintptr(len(text)))
		switch err {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return 0, err
		}
	}
}
