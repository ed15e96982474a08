//go:build !windows

package health

import "syscall"

// places is how many connections there may be beside what the sidecar needs itself.
func places(taken int) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return maxConnections
	}
	free := min(int(min(limit.Cur, 1<<30))-taken, maxConnections+ownDescriptors) - ownDescriptors
	return max(free, leastConnections)
}
