package dsn

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// exempt applies the rule for hosts that need no TLS (docs/dsn.md#environments):
// nothing, allow and prefer mean disable there, so that nobody depends on a fallback.
func (r *reading) exempt(rules Rules) {
	weak := r.dsn.SSLMode == "allow" || r.dsn.SSLMode == "prefer" || !r.hasSSLMode
	if weak && r.dsn.Exempt(rules) {
		r.dsn.SSLMode = "disable"
	}
}

// guard holds the reading against the rules (docs/dsn.md#codes). Each check adds
// what it finds; the order of precedence sorts them later.
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
	if !rules.portFits(at, r.dsn.Port) {
		r.guardPort(rules)
	}
	if rules.Env != Dev && r.dsn.Mode == ModeDirect {
		r.guardDirect(rules, waiver)
	}
}

// guardHost judges a host that is not Supabase's.
func (r *reading) guardHost(rules Rules) {
	d := r.dsn
	near := d.IsLoopback() || d.isInternal()
	if rules.allows(d.Host) || rules.Env == Dev && near {
		return
	}
	message := fmt.Sprintf("The host %s is neither a shared pooler (aws-N-REGION.pooler.supabase.com) nor a project host (db.REF.supabase.co).", d.Host)
	hint := "Copy the pooler's host from the Supabase dashboard; if it is a server of your own, name it in SIDECAR_ALLOW_HOSTS."
	switch {
	case near:
		hint = "Set SUPABASE_MODE=dev if this is development; if it is production's own server, name it: SIDECAR_ALLOW_HOSTS=" + d.Host
	case templateHost.MatchString(d.Host):
		message = fmt.Sprintf("The host %s holds a word of a template, which stands for your own.", d.Host)
		hint = "Copy the pooler's host from the Supabase dashboard: in place of REGION it has one like us-east-1, in place of REF the project's 20 letters."
	case strings.Contains(d.Host, "supabase"): // to be corrected, not to be allowed
		hint = "Copy the pooler's host from the Supabase dashboard: this one looks similar, and is another."
	}
	r.found(InvalidPoolerMode, message, hint)
}

// guardSharedUser judges who logs in to a shared pooler, and to which project.
func (r *reading) guardSharedUser(rules Rules) {
	d := r.dsn
	base, inUser, dotted := cutRef(r.user)
	switch {
	case r.coloned: // nobody knows what the user would be
	case dotted && inUser == "" || !dotted && d.Reference == "":
		r.found(SharedUserMissingRef, "The user has no project ref, and without it the shared pooler can't tell whose database is meant.", r.writeUser())
	case r.guardProd(rules):
	case d.Reference != "" && dotted && inUser != d.Reference:
		r.found(ProjectRefMismatch, "The user names one project and options=reference names another.", r.writeUser())
	case d.ProjectRef == rules.ref() && rules.holdsRef(base):
		r.found(ProjectRefMismatch, "The user names a project twice: before its ref stands the role alone, and no role is called like this.", r.writeUser())
	case d.ProjectRef == rules.ref():
	case d.Reference != "":
		r.found(ProjectRefMismatch, "The project ref in options=reference is not that of this environment.", rules.orOther(d.ProjectRef, r.writeUser()))
	case rules.isRef(inUser):
		r.found(ProjectRefMismatch, "The project ref in the user is not that of this environment.", rules.orOther(d.ProjectRef, r.writeUser()))
	case refWord.MatchString(bare(inUser)):
		r.found(ProjectRefMismatch, "What follows the last dot of the user is a word of a template, which stands for the project ref.", r.writeUser())
	default:
		hint := r.writeUser()
		if !r.turned {
			hint += " (if the role itself has a dot, write all of it before the ref)"
		}
		r.found(ProjectRefMismatch, "What follows the last dot of the user is not a project ref: a ref is 20 lower-case letters.", hint)
	}
}

// guardDBRefs judges a project's own host, which wants the plain role.
func (r *reading) guardDBRefs(rules Rules, hostRef string) {
	_, inUser, dotted := cutRef(r.user)
	switch {
	case r.coloned: // nobody knows what the user would be
	case dotted && inUser == hostRef:
		r.found(DedicatedUserHasRef, "The user ends with the project ref, but the host already names the project.", r.writeUser())
	case dotted && rules.isRef(inUser):
		r.found(ProjectRefMismatch, "The user names one project and the host another.", r.writeUser())
	case rules.isRef(hostRef) && strings.Contains(r.user, hostRef):
		r.found(DedicatedUserHasRef, "The user holds the project ref, but the host already names the project.", r.writeUser())
	case rules.holdsRef(r.user):
		r.found(ProjectRefMismatch, "The user names one project and the host another.", r.writeUser())
	}
	if r.guardProd(rules) || hostRef == rules.ref() {
		return
	}
	message := "The host is not that of this environment's project."
	if refWord.MatchString(bare(hostRef)) {
		message = "The host holds a word of a template, which stands for the project ref."
	}
	r.found(DedicatedHostRefMismatch, message, rules.orOther(hostRef, "Write the host as in "+r.dsn.corrected(rules).Redacted()))
}

// guardProd keeps the production project out of dev, and reports whether it had
// to: the ref needs no other judgement then.
func (r *reading) guardProd(rules Rules) bool {
	if rules.Env != Dev || rules.ref() == rules.prodRef() || r.dsn.ProjectRef != rules.prodRef() {
		return false
	}
	r.found(ProdDSNInDev, "This DSN leads to the production project, but the environment is dev.",
		"set SUPABASE_MODE=prod if this is production; otherwise use the DSN of the development project "+rules.devRef())
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
		message = "sslmode is missing or has a value that PostgreSQL does not know: it is written in lower case, and the next parameter begins with &."
	}
	hint := "Write sslmode=require after the ?, as in " + d.corrected(rules).Redacted() + "?sslmode=require"
	switch {
	case d.Exempt(rules):
		hint += " (or sslmode=disable, for a server without TLS)"
	case placeOf(d.Host) == place{}:
		hint += " (a server without TLS has to be named in SIDECAR_ALLOW_HOSTS)"
	}
	r.found(MissingSSLMode, message, hint)
}

// guardPort explains a port that does not fit.
func (r *reading) guardPort(rules Rules) {
	message := fmt.Sprintf("Port %d is neither the pooler's (6543) nor the database's (5432).", r.dsn.Port)
	if r.dsn.Port == portDirect {
		message = "Port 5432 (also what a DSN without a port means) is session mode of the shared pooler; production uses transaction mode on 6543."
	}
	r.found(WrongPort, message, "Write port 6543 after the host, as in "+r.dsn.corrected(rules).Redacted())
}

// usePooler is what to do about a direct connection.
const usePooler = "Copy the transaction pooler's DSN (port 6543) from the Supabase dashboard"

// guardDirect lets a direct connection through under a waiver in force only.
func (r *reading) guardDirect(rules Rules, waiver *Finding) {
	switch {
	case !rules.DirectWaiver:
		r.found(DirectConnectionForbidden, "Port 5432 (also what a DSN without a port means) on the project's host goes past the pooler and can use up the database's connections.",
			usePooler+"; if it can't be used for now, set DB_CONNECTION_MODE=direct_waiver, SIDECAR_WAIVER_EXPIRES to a date at most 90 days ahead, and SIDECAR_WAIVER_REASON.")
	case waiver != nil:
		r.add(waiver)
	}
}

// corrected is the DSN with user, host and port as the rules want them. Every
// hint shows all three, so that no two of them contradict each other.
func (d DSN) corrected(rules Rules) DSN {
	want, at := d, placeOf(d.Host)
	switch {
	case at.shared && (d.Reference != rules.ref() || strings.Contains(d.User, ".")):
		want.User, want.UserBase = d.role+"."+rules.ref(), d.role
	case at.db:
		want.User, want.UserBase = d.role, d.role
		want.Host = "db." + rules.ref() + ".supabase.co"
	}
	if !rules.portFits(at, d.Port) {
		want.Port = portPooler
	}
	return want
}

// writeUser is the hint for a user that is not as the rules want it. The ref
// stands in full, for it is no secret.
func (r *reading) writeUser() string {
	want, also := r.dsn.corrected(r.rules), ""
	if r.dsn.Reference != "" {
		also = " and without options=reference"
	}
	if r.turned {
		also += ", and the password behind the colon: the two look turned round"
	}
	return fmt.Sprintf("Write the user as %s%s, as in %s", Encode(want.User), also, want.Redacted())
}

// templateHost finds what templates write in the place of a host, or a part of one.
var templateHost = regexp.MustCompile(`(?:^|[-_.])(?:region|aws-[nx]|project[-_]?ref|your[-_]?project|ref|hostname|your[-_]?host|x{3,})(?:[-_.]|$)|^host$`)

// guardRoots wants the file of sslrootcert to hold a certificate: without one no
// login could be made, and the refusal would not be the server's.
func (r *reading) guardRoots() {
	file := r.dsn.SSLRootCert
	if r.rules.Roots == nil || file == "" || file == "system" || r.dsn.SSLMode == "disable" {
		return
	}
	if err := r.rules.Roots(file); err != nil {
		r.found(SSLRootCertUnreadable, fmt.Sprintf("The file that sslrootcert names can't be used: %v.", err),
			"It is read on the machine, or in the container, where the sidecar runs. Put it there or correct the path, and restart the sidecar or send it SIGHUP. Or put the certificates into SIDECAR_SSLROOTCERT_PEM and take sslrootcert out.")
	}
}
