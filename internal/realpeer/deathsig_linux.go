package realpeer

import "syscall"

// dieWithUs makes the kernel send sig when the thread that starts the process
// is gone, so that nothing outlives a killed test binary.
func dieWithUs(attr *syscall.SysProcAttr, sig syscall.Signal) { attr.Pdeathsig = sig }
