//go:build !linux

package realpeer

import "syscall"

// dieWithUs needs Linux; elsewhere t.Cleanup alone ends the servers.
func dieWithUs(*syscall.SysProcAttr, syscall.Signal) {}
