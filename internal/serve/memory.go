package serve

import (
	"math"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// ownMemory is what the sidecar needs at most, whatever its peers and clients do: the
// garbage collector works harder before it passes this.
const ownMemory = 40 << 20

// boundMemory sets the limit of the garbage collector to our own need, or to nine
// tenths of the container's where that is less; GOMEMLIMIT in the environment wins.
// GOMAXPROCS follows the container by itself, as Go does since 1.25.
func boundMemory() {
	if debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return
	}
	container, err := memlimit.FromCgroup()
	if err != nil || container == 0 {
		container = math.MaxUint64 // no container, or no limit
	}
	debug.SetMemoryLimit(int64(min(ownMemory, container/10*9)))
}
