//go:build race

package proxy

// slower is how much slower the clients of a test are here.
const slower = 3
