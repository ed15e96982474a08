package dsn

import (
	"cmp"
	"slices"
)

// Code names what is wrong with a DSN. The zero value is none.
type Code string

// The codes, in docs/dsn.md#codes.
const (
	ParseError                Code = "PARSE_ERROR"
	MultipleHosts             Code = "MULTIPLE_HOSTS"
	QueryOverridesAuthority   Code = "QUERY_OVERRIDES_AUTHORITY"
	PasswordPlaceholder       Code = "PASSWORD_PLACEHOLDER"
	PasswordNeedsEncoding     Code = "PASSWORD_NEEDS_ENCODING"
	InvalidPoolerMode         Code = "INVALID_POOLER_MODE"
	ProdDSNInDev              Code = "PROD_DSN_IN_DEV"
	SharedUserMissingRef      Code = "SHARED_POOLER_USER_MISSING_REF"
	DedicatedUserHasRef       Code = "DEDICATED_POOLER_USER_HAS_REF"
	DedicatedHostRefMismatch  Code = "DEDICATED_POOLER_HOST_REF_MISMATCH"
	ProjectRefMismatch        Code = "PROJECT_REF_MISMATCH_BETWEEN_HOST_AND_USER"
	MissingSSLMode            Code = "MISSING_SSLMODE"
	WrongPort                 Code = "WRONG_PORT"
	WaiverInvalid             Code = "WAIVER_INVALID"
	WaiverExpired             Code = "WAIVER_EXPIRED"
	DirectConnectionForbidden Code = "DIRECT_CONNECTION_FORBIDDEN"
	PasswordMissing           Code = "PASSWORD_MISSING"
	SSLRootCertUnreadable     Code = "SSLROOTCERT_UNREADABLE"
	DatabaseMissing           Code = "DATABASE_MISSING"     // a warning, as the two that follow
	ParameterTranslated       Code = "PARAMETER_TRANSLATED" // a driver's own way to write it
	ParameterDropped          Code = "PARAMETER_DROPPED"
	DSNFileMissing            Code = "DSN_FILE_MISSING" // of the file, not of a DSN: it is gone while its DSN is in use
	Valid                     Code = "VALID"            // no error at all
)

// Codes lists every Code in order of precedence: a Report's code is the first
// of its errors.
var Codes = []Code{
	ParseError, MultipleHosts, QueryOverridesAuthority, PasswordPlaceholder, PasswordNeedsEncoding,
	InvalidPoolerMode, ProdDSNInDev, SharedUserMissingRef, DedicatedUserHasRef,
	DedicatedHostRefMismatch, ProjectRefMismatch, MissingSSLMode, WrongPort,
	WaiverInvalid, WaiverExpired, DirectConnectionForbidden, PasswordMissing,
	SSLRootCertUnreadable, DatabaseMissing, ParameterTranslated, ParameterDropped, Valid,
}

// Severity says whether a finding forbids the DSN.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // never dialled
	Warning Severity = "warning" // dialled all the same
)

// Finding is one thing to know about a DSN, in words for somebody who is not an
// engineer. Message and Hint never hold a piece of the password, and those of a
// PARSE_ERROR nothing of the text at all.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"` // what is wrong, naming the field
	Hint     string   `json:"hint"`    // what to do about it
}

// find makes a finding with the severity of its code.
func find(code Code, message, hint string) *Finding {
	severity := Error
	if slices.Contains([]Code{DatabaseMissing, ParameterTranslated, ParameterDropped}, code) {
		severity = Warning
	}
	return &Finding{Code: code, Severity: severity, Message: message, Hint: hint}
}

// unreadable makes a PARSE_ERROR.
func unreadable(message, hint string) *Finding { return find(ParseError, message, hint) }

// arrange sorts findings by precedence and returns the code of the whole.
func arrange(findings []Finding) Code {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Compare(slices.Index(Codes, a.Code), slices.Index(Codes, b.Code))
	})
	for _, f := range findings {
		if f.Severity == Error {
			return f.Code
		}
	}
	return Valid
}
