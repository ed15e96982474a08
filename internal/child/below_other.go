//go:build !linux && !windows

package child

import "syscall"

// signalBelow needs Linux; elsewhere CMD's group is all that is reached.
func signalBelow(syscall.Signal) {}
