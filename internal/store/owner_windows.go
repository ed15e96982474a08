package store

import "os"

// keepOwner has nothing to do: a file here belongs to whom its folder says.
func keepOwner(string, *os.File) {}
