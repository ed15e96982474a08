package dsn

import "time"

// Report is the judgement on one DSN. The zero value is not valid.
type Report struct {
	DSN      DSN
	Code     Code      // the first error in order of precedence, or Valid
	Findings []Finding // in order of precedence, errors first
	Waiver   Waiver
}

// Judge reads the raw text of a DSN and says whether these rules allow it to be
// dialled (docs/dsn.md). It is pure: the same three arguments give the same
// Report, as far as Rules.Roots does. The text is taken as it is: white space around it, such as the line
// break that ends a file, is for the caller to remove or for Judge to refuse.
func Judge(raw string, rules Rules, now time.Time) Report {
	r := read(raw, rules)
	waiver, waiverFinding := judgeWaiver(rules, now)
	switch arrange(r.findings) {
	case ParseError, MultipleHosts, QueryOverridesAuthority:
		// Who goes where is not certain: there is nothing to guard.
	default:
		r.exempt(rules)
		r.guard(rules, waiverFinding)
		r.guardRoots()
	}
	return Report{Code: arrange(r.findings), DSN: r.dsn, Findings: r.findings, Waiver: waiver}
}

// Valid reports whether the DSN may be dialled.
func (r Report) Valid() bool { return r.Code == Valid }

// First returns the first error, nil when there is none.
func (r Report) First() *Finding {
	for _, f := range r.Findings {
		if f.Severity == Error {
			return &f
		}
	}
	return nil
}

// Misconfigured returns the reason of the state misconfigured (docs/states.md#reasons):
// "invalid_dsn", "waiver_expired", "guard", or "" when the DSN is valid.
func (r Report) Misconfigured() string {
	switch r.Code {
	case Valid:
		return ""
	case ParseError, MultipleHosts, QueryOverridesAuthority, PasswordPlaceholder, PasswordNeedsEncoding, PasswordMissing,
		SSLRootCertUnreadable:
		return "invalid_dsn"
	case WaiverExpired:
		return "waiver_expired"
	}
	return "guard"
}
