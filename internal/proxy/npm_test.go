package proxy

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// nodeModules installs the clients for Node once, from the machine's registry; ""
// where there is no Node or no registry: those clients are left out then.
func nodeModules(t *testing.T) string {
	t.Helper()
	dir, err := installNode()
	if err != nil {
		t.Logf("without the clients for Node: %v", err)
		return ""
	}
	return dir
}

var installNode = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(os.TempDir(), "sidecar-test-node-"+pgVersion+"-"+postgresVersion)
	modules := filepath.Join(dir, "node_modules")
	if _, err := os.Stat(filepath.Join(modules, "postgres")); err == nil {
		return modules, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return modules, exec.Command("npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--no-save",
		"pg@"+pgVersion, "postgres@"+postgresVersion).Run()
})

const pgVersion, postgresVersion = "8", "3"
