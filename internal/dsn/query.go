package dsn

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// What the query may say besides sslmode, sslrootcert and options.
var (
	// quiet parameters concern the client alone; the sidecar has its own.
	quiet = []string{
		"application_name", "fallback_application_name", "client_encoding", "connect_timeout", "gssencmode",
		"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
	}
	// overriding parameters take the place of what stands before the query.
	// Everything else that holds a password does, too.
	overriding = []string{
		"host", "hostaddr", "port", "user", "password", "dbname", "database",
		"service", "servicefile", "passfile",
	}
	sslmodes  = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
	ofRef     = regexp.MustCompile(`^reference=([A-Za-z0-9_-]+)$`)
	plainName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)
)

// query reads the text after the "?" into the DSN. It stops at the first
// parameter that overrides the authority: what follows could be the rest of a
// password.
func (r *reading) query(text string) {
	seen := map[string]string{}
	defer r.translate()
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, okName := decode(rawName)
		value, okValue := decode(rawValue)
		if !okName || !okValue {
			r.add(unreadable("A parameter after the ? holds a % that is not followed by two hex digits.", "Write a % as %25."))
			return
		}
		if lower := strings.ToLower(name); slices.Contains(overriding, lower) || holdsPassword(lower) {
			r.found(QueryOverridesAuthority,
				fmt.Sprintf("The parameter %s after the ? would replace what stands before it.", shown(lower)),
				"Remove it: user, password, host, port and database are written before the ?, like "+pattern)
			return
		}
		if before, again := seen[name]; again && before != value {
			r.add(unreadable("A parameter after the ? is given twice with different values.", "Keep one of the two."))
			return
		}
		if _, again := seen[name]; !again {
			r.parameter(name, value)
		}
		seen[name] = value
	}
}

// parameter takes one decoded parameter, or drops it.
func (r *reading) parameter(name, value string) {
	switch {
	case name == "sslmode":
		r.hasSSLMode = true
		if slices.Contains(sslmodes, value) {
			r.dsn.SSLMode = value
		}
	case name == "sslrootcert":
		if strings.Contains(value, "+") || strings.ContainsFunc(value, unicode.IsControl) {
			r.add(unreadable("The file name in sslrootcert holds a + or an invisible character, which programs read differently.",
				"Give the file a name without it."))
		}
		r.dsn.SSLRootCert = value
	case name == "options" && placeOf(r.dsn.Host).shared && ofRef.MatchString(value):
		r.dsn.Reference = ofRef.FindStringSubmatch(value)[1]
	case name == "ssl":
		r.ssl = value
	case !slices.Contains(quiet, name):
		r.drop(name)
	}
}

// meanings are the values that drivers have for their parameter ssl.
var meanings = map[string]string{
	"require": "require", "required": "require", "true": "require", "1": "require", "on": "require", "yes": "require", "no-verify": "require",
	"verify-ca": "verify-ca", "verify-full": "verify-full", "prefer": "prefer", "allow": "allow",
	"disable": "disable", "disabled": "disable", "false": "disable", "0": "disable", "off": "disable", "no": "disable",
}

// translate reads what a driver writes in its own way. sslmode counts before ssl,
// which not every program knows; one that asks for encryption beside one that
// forbids it has no one reading.
func (r *reading) translate() {
	meant := meanings[strings.ToLower(r.ssl)]
	switch {
	case r.ssl == "":
	case !r.hasSSLMode:
		r.hasSSLMode, r.dsn.SSLMode = true, meant
		if meant != "" {
			r.translated = append(r.translated, "the parameter ssl as sslmode="+meant)
		}
	case (meant == "disable") != (r.dsn.SSLMode == "disable"):
		r.add(unreadable("The parameters ssl and sslmode after the ? contradict each other.", "Keep sslmode alone."))
	default:
		r.drop("ssl")
	}
	if len(r.translated) > 0 {
		r.found(ParameterTranslated, "Read as what it means: "+strings.Join(r.translated, "; ")+".",
			"It can stay for the driver that wants it. Other programs want postgresql:// and sslmode=require.")
	}
}

// drop notes a parameter that no pooler gets to see: PgBouncer refuses a login
// for every startup parameter it does not know (docs/facts.md#startup-parameters).
func (r *reading) drop(name string) {
	name = shown(name)
	r.dsn.Dropped = append(r.dsn.Dropped, name)
	hint := "Better remove it: other programs send it, and a pooler may refuse them for it."
	switch name {
	case "options":
		hint = "It can stay: of options only reference=REF is ever sent, and only to a shared pooler."
	case "ssl":
		hint = "It can go: sslmode says what is wanted."
	}
	r.found(ParameterDropped, fmt.Sprintf("The parameter %s is not sent to the pooler.", name), hint)
}

// shown is the name of a parameter as it may be printed: no line break of a
// query reaches a log.
func shown(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return "(unreadable name)"
}
