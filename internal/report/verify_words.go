package report

import (
	"fmt"

	"dragonfly.internal/sidecar/internal/advice"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// tenantFixes are the causes of "Tenant or user not found" after a user without
// a ref, which the guard refuses, in their order (docs/seed.md#tenant-not-found).
const tenantFixes = `1. Region: the host must name the one that the dashboard shows under Settings, General.
2. Cluster: aws-0 or aws-1 is per project and can't be inferred. To ask all of them without a password: sidecar verify --find-region
3. Pooling: Settings, Database, Connection Pooling must be enabled.
4. Paused: the pooler forgets a paused project; resume it in the dashboard.
5. Exact string: copy Settings, Database, Connection String, "Transaction" into DATABASE_URL.`

// nowhereFixes are what is left when no host knows the tenant.
const nowhereFixes = `1. Paused: the pooler forgets a paused project; resume it in the dashboard.
2. Pooling: Settings, Database, Connection Pooling must be enabled.
3. Another region or cluster than these: name it with --region or --cluster.
4. Exact string: copy Settings, Database, Connection String, "Transaction" into DATABASE_URL.`

// remedy names the fix for what one login came to; there is none for ok.
func remedy(s advice.Situation) string {
	switch {
	case s.Reason == machine.ReasonOK:
		return ""
	case s.Reason == machine.ReasonTenantNotFound && s.Host == advice.Shared:
		return tenantFixes
	}
	return s.Action()
}

// forSupport is a block to paste when the fixes do not help.
func (r *VerifyReport) forSupport(host string, o machine.Outcome) string {
	return fmt.Sprintf(`
If none of this helps, send this to Supabase support:

  Project ref: %s
  Host: %s
  Error: %s
  Time: %s
`, r.judged.DSN.ProjectRef, host, o.Message, o.Dialled.UTC().Format("2006-01-02 15:04:05 UTC"))
}
