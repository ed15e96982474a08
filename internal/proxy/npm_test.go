package proxy

import (
	"os"
	"path/filepath"
	"testing"
)

// nodeModules is where scripts/needs has put the clients for Node; "" where it has
// not, and the machine is not CI's: those clients are left out then.
func nodeModules(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	modules := filepath.Join(cache, "pooler-sidecar/node_modules")
	for _, client := range []string{"pg", "postgres"} {
		_, err := os.Stat(filepath.Join(modules, client))
		switch {
		case err == nil:
		case os.Getenv("CI") == "true":
			t.Fatal(err)
		default:
			t.Logf("without the clients for Node: %v", err)
			return ""
		}
	}
	return modules
}
