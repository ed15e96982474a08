package report

import (
	"fmt"
	"strings"

	"dragonfly.internal/sidecar/internal/dsn"
)

// DSNReport is the judgement as JSON (docs/commands.md#dsn-check).
type DSNReport struct {
	Valid            bool          `json:"valid"`
	Code             dsn.Code      `json:"code"`
	PoolerMode       dsn.Mode      `json:"pooler_mode"`
	Host             string        `json:"host"`
	Port             uint16        `json:"port"`
	User             string        `json:"user"`
	UserBase         string        `json:"user_base"`
	ProjectRef       string        `json:"project_ref"`
	Region           string        `json:"region"`
	Database         string        `json:"database"`
	SSLMode          string        `json:"sslmode"`
	PasswordEncoding dsn.Encoding  `json:"password_encoding"`
	Redacted         string        `json:"redacted"`
	Key              string        `json:"key"`
	Findings         []dsn.Finding `json:"findings"`

	judged dsn.Report
}

// NewDSNReport is the judgement of one DSN.
func NewDSNReport(r dsn.Report) DSNReport {
	d := r.DSN
	return DSNReport{
		Valid: r.Valid(), Code: r.Code, PoolerMode: d.Mode, Host: d.Host, Port: d.Port,
		User: d.RedactedUser(), UserBase: d.PublicRole(), ProjectRef: d.ProjectRef, Region: d.Region,
		Database: d.PublicDatabase(), SSLMode: d.SSLMode, PasswordEncoding: d.Encoding,
		Redacted: d.Redacted(), Key: d.Key(), Findings: append([]dsn.Finding{}, r.Findings...), judged: r,
	}
}

// Text is the judgement for people.
func (r DSNReport) Text() string {
	var out strings.Builder
	fmt.Fprintln(&out, "DSN: "+r.judged.DSN.Redacted())
	if r.judged.DSN.Host != "" {
		fmt.Fprintln(&out, strings.TrimPrefix(r.judged.DSN.Line(), "[DB] "))
	}
	fmt.Fprintln(&out)
	for _, f := range r.judged.Findings {
		mark := "❌"
		if f.Severity == dsn.Warning {
			mark = "⚠️ "
		}
		fmt.Fprintf(&out, "%s %s: %s\n   %s\n", mark, f.Code, f.Message, f.Hint)
	}
	if r.judged.Valid() {
		fmt.Fprintln(&out, "✅ VALID\n   "+offline(r.PoolerMode))
	}
	return out.String()
}

// offline is what no look at a DSN can tell.
func offline(mode dsn.Mode) string {
	switch mode {
	case dsn.ModeShared:
		return "Looked at offline: whether password, region and cluster are right, a login tells."
	case dsn.ModeUnknown:
		return "Looked at offline: whether host and password are right, a login tells. pooler_mode=unknown is an own pooler or database, not one of Supabase's."
	}
	return "Looked at offline: whether the password is right, a login tells."
}

// place is a mode in the words for people: unknown reads like a fault, and is none
// where the guard lets the host pass.
func place(mode dsn.Mode, valid bool) string {
	if mode == dsn.ModeUnknown && valid {
		return "own pooler"
	}
	return string(mode)
}
