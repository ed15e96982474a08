package serve

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// forgetStart unmaps the program's code, most of which only the start has used: what is
// still needed comes back from the page cache as it is called. Code is never written, so
// that nothing is lost; where the kernel says no, all stays as it was.
func forgetStart() {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to uintptr
		var access string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &access); err == nil && access == "r-xp" && strings.HasSuffix(lines.Text(), " "+program) {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_DONTNEED)
		}
	}
}
