//go:build !linux

package serve

// forgetStart does nothing: only Linux tells a program where its own code is mapped.
func forgetStart() {}
