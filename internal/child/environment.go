//go:build !windows

package child

import (
	"slices"
	"strings"
)

// ours are variables that CMD has no need of: secrets of the sidecar's own.
var ours = []string{"SIDECAR_TOKEN", "SIDECAR_TOKEN_FILE", "SIDECAR_METRICS_TOKEN", "SUPABASE_ACCESS_TOKEN"}

// oursBegin is how the names of others begin.
const oursBegin = "SIDECAR_NOTIFY_"

// withoutOurs is the environment that CMD gets.
func withoutOurs(environment []string) []string {
	return slices.DeleteFunc(slices.Clone(environment), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(ours, name) || strings.HasPrefix(name, oursBegin)
	})
}
