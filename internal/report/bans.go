package report

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// BansReport is which addresses are banned from a project's db.* host, and what was
// done about it.
type BansReport struct {
	ProjectRef string       `json:"project_ref"`
	Banned     []netip.Addr `json:"banned"` // now
	Lifted     []netip.Addr `json:"lifted"`
	Next       string       `json:"next"` // what to do now
}

// NewBansReport returns what is known when the bans have been read.
func NewBansReport(ref string, banned []netip.Addr) BansReport {
	b := BansReport{ProjectRef: ref, Banned: append([]netip.Addr{}, banned...), Lifted: []netip.Addr{}}
	if len(banned) > 0 {
		b.Next = "A ban ends by itself after 30 minutes. To lift it: sidecar bans lift, on the machine that is banned; or sidecar bans lift ADDRESS."
	}
	return b
}

// Relist takes up the bans as they are after a lift.
func (b *BansReport) Relist(banned []netip.Addr) {
	for _, address := range b.Banned {
		if !slices.Contains(banned, address) {
			b.Lifted = append(b.Lifted, address)
		}
	}
	b.Banned = append([]netip.Addr{}, banned...)
}

// Text is the report for people.
func (b BansReport) Text() string {
	var s strings.Builder
	for _, address := range b.Lifted {
		fmt.Fprintf(&s, "LIFTED: %s\n", address)
	}
	for _, address := range b.Banned {
		fmt.Fprintf(&s, "BANNED: %s\n", address)
	}
	if len(b.Banned) == 0 {
		fmt.Fprintf(&s, "No address is banned from db.%s.supabase.co.\n", b.ProjectRef)
	}
	if b.Next != "" {
		s.WriteString(wrap(b.Next, textWidth))
	}
	return s.String()
}

// BansByHand is how bans are read and lifted without a token of the management API.
func BansByHand(ref string) string {
	return fmt.Sprintf(`Two other ways, for who may change the project:
  the dashboard: Database settings, Network bans
    https://supabase.com/dashboard/project/%[1]s/database/settings#banned-ips
  Supabase's own program
    supabase network-bans get --project-ref %[1]s --experimental
    supabase network-bans remove --project-ref %[1]s --experimental --db-unban-ip ADDRESS
A ban comes back within seconds while anything still retries a wrong password: stop that first.
`, ref)
}
