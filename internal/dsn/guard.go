package dsn

import (
	"fmt"
	"slices"
)

// exempt applies contract 9's rule for hosts that need no TLS: nothing, allow
// and prefer mean disable there, so that nobody depends on a fallback.
func (r *reading) exempt(rules Rules) {
	weak := r.dsn.SSLMode == "allow" || r.dsn.SSLMode == "prefer" || !r.hasSSLMode
	if weak && r.dsn.Exempt(rules) {
		r.dsn.SSLMode = "disable"
	}
}

// guard holds the reading against the rules (contract 9, seed 1 and 2). Each
// check adds what it finds; the order of precedence sorts them later.
func (r *reading) guard(rules Rules, waiver *Finding) {
	at := placeOf(r.dsn.Host)
	switch {
	case at.shared:
		r.guardSharedUser(rules)
	case at.db:
		r.guardDBRefs(rules, at.ref)
	default:
		r.guardHost(rules)
	}
	r.guardTLS(rules)
	r.guardPort(rules, at)
	if rules.Env != Dev && r.dsn.Mode == ModeDirect {
		r.guardDirect(rules, waiver)
	}
}

// found adds one finding of the guard.
func (r *reading) found(code Code, message, hint string) {
	f := find(code, message, hint)
	r.add(&f)
}

// guardHost judges a host that is not Supabase's.
func (r *reading) guardHost(rules Rules) {
	d := r.dsn
	switch {
	case rules.allows(d.Host):
	case rules.Env == Dev && (d.IsLoopback() || d.isInternal()):
	default:
		r.found(InvalidPoolerMode,
			fmt.Sprintf("The host %s is neither a shared pooler (aws-N-REGION.pooler.supabase.com) nor a project host (db.REF.supabase.co).", d.Host),
			"Copy the pooler's host from the Supabase dashboard; if it is a server of your own, name it in SIDECAR_ALLOW_HOSTS.")
	}
}

// guardSharedUser judges who logs in to a shared pooler, and to which project.
func (r *reading) guardSharedUser(rules Rules) {
	d := r.dsn
	_, inUser, dotted := cutRef(d.User)
	want := d
	want.User, want.UserBase = d.UserBase+"."+rules.ref(), d.UserBase
	write := "Write the user as in " + want.Redacted()
	if dotted && inUser == "" || !dotted && d.Reference == "" {
		r.found(SharedUserMissingRef, "The user has no project ref, and without it the shared pooler can't tell whose database is meant.", write)
		return
	}
	if r.guardProd(rules) {
		return
	}
	switch {
	case d.Reference != "" && dotted && inUser != d.Reference:
		r.found(ProjectRefMismatch, "The user names one project and options=reference names another.", "Keep one of the two. "+write)
	case d.ProjectRef != rules.ref():
		r.found(ProjectRefMismatch, "The project ref in the user is not that of this environment; a ref is 20 lower-case letters.", write)
	}
}

// guardDBRefs judges a project's own host, which wants the plain role.
func (r *reading) guardDBRefs(rules Rules, hostRef string) {
	d := r.dsn
	_, inUser, _ := cutRef(d.User)
	want := d
	want.User = d.UserBase
	write := "Write the user as in " + want.Redacted()
	if inUser == hostRef {
		r.found(DedicatedUserHasRef, "The user ends with the project ref, but the host already names the project.", write)
	} else if refShape.MatchString(inUser) {
		r.found(ProjectRefMismatch, "The user names one project and the host another.", write)
	}
	if !r.guardProd(rules) && hostRef != rules.ref() {
		want.Host = "db." + rules.ref() + ".supabase.co"
		r.found(DedicatedHostRefMismatch, "The host is not that of this environment's project.", "The host as it should be: "+want.Redacted())
	}
}

// guardProd keeps the production project out of dev, and reports whether it had
// to: the ref needs no other judgement then.
func (r *reading) guardProd(rules Rules) bool {
	if rules.Env != Dev || rules.ref() == rules.prodRef() || r.dsn.ProjectRef != rules.prodRef() {
		return false
	}
	r.found(ProdDSNInDev, "This DSN leads to the production project, but the environment is dev.",
		"set SUPABASE_MODE=prod if this is production; otherwise use the development project "+rules.devRef())
	return true
}

// guardTLS wants a connection that is encrypted, or none.
func (r *reading) guardTLS(rules Rules) {
	d := r.dsn
	strong := slices.Contains([]string{"require", "verify-ca", "verify-full"}, d.SSLMode)
	if strong || d.SSLMode == "disable" && d.Exempt(rules) {
		return
	}
	message := "sslmode is missing: the password could travel without encryption."
	switch {
	case d.SSLMode != "":
		message = fmt.Sprintf("sslmode=%s allows a connection without encryption.", d.SSLMode)
	case r.hasSSLMode:
		message = "sslmode has a value that PostgreSQL does not know; it is written in lower case."
	}
	hint := "End the DSN like this: " + d.Redacted() + "?sslmode=require"
	if placeOf(d.Host) == (place{}) && !d.Exempt(rules) {
		hint += " (only a host named in SIDECAR_ALLOW_HOSTS may go without)"
	}
	r.found(MissingSSLMode, message, hint)
}

// guardPort judges the port of a Supabase host. Session mode on 5432 serves in
// dev; no other port has a pooler or a database behind it.
func (r *reading) guardPort(rules Rules, at place) {
	d := r.dsn
	message := fmt.Sprintf("Port %d is neither the pooler's (6543) nor the database's (5432).", d.Port)
	switch {
	case at == place{}, d.Port == portPooler, d.Port == portDirect && (at.db || rules.Env == Dev):
		return
	case d.Port == portDirect:
		message = "Port 5432 (also what a DSN without a port means) is session mode of the shared pooler; production uses transaction mode on 6543."
	}
	want := d
	want.Port = portPooler
	r.found(WrongPort, message, "Write the port as in "+want.Redacted())
}

// guardDirect lets a direct connection through under a waiver in force only.
func (r *reading) guardDirect(rules Rules, waiver *Finding) {
	switch {
	case !rules.DirectWaiver:
		r.found(DirectConnectionForbidden, "Port 5432 on the project's host goes past the pooler and can use up the database's connections.",
			"Use the pooler on port 6543; if it can't be used for now, set DB_CONNECTION_MODE=direct_waiver, SIDECAR_WAIVER_EXPIRES and SIDECAR_WAIVER_REASON.")
	case waiver != nil:
		r.add(waiver)
	}
}
