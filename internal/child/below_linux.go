package child

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// signalBelow sends a signal to every process that descends from us, also to those
// that have left CMD's session: their parents have ended, and so they became ours.
func signalBelow(s syscall.Signal) {
	own := os.Getpid()
	if self, err := os.Readlink("/proc/self"); err != nil || self != strconv.Itoa(own) {
		return // /proc is of other processes than those that we can signal
	}
	children := make(map[int][]int)
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue // it has ended
		}
		// The name in brackets may hold anything; the state and the parent follow it.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 2 {
			continue
		}
		if parent, err := strconv.Atoi(fields[1]); err == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	for below := children[own]; len(below) > 0; below = below[1:] {
		_ = syscall.Kill(below[0], s)
		below = append(below, children[below[0]]...)
	}
}
