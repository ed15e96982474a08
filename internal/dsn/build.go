package dsn

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// BuildOptions is what a DSN is made of (docs/commands.md#flags, dsn build).
type BuildOptions struct {
	User     string // role, with or without the ref
	Ref      string // project ref, 20 lower-case letters
	Region   string // like us-east-1; not needed for ModeDedicated
	Cluster  uint   // N of aws-N; see ClusterWarning
	Mode     Mode   // ModeShared or ModeDedicated; "" is ModeShared
	Database string // "" is postgres
	Password Secret
}

// ClusterWarning is for those who let the cluster be 0 by default (docs/facts.md#supavisor-tenant).
const ClusterWarning = "the cluster (aws-0 or aws-1) is per project and can't be inferred: compare the host with the dashboard's, and set --cluster if it differs"

// Build writes the one DSN that every reader takes alike, with its password in
// clear: on the standard output of a command and nowhere else. An error names the
// option at fault and never holds the password.
func Build(o BuildOptions) (string, error) {
	base := o.User
	if before, ref, dotted := cutRef(o.User); dotted && (ref == o.Ref || refShape.MatchString(ref)) {
		if ref != o.Ref {
			return "", errors.New("the user names another project than the ref")
		}
		base = before // the ref is added once
	}
	switch {
	case base == "" || !printable(base):
		return "", errors.New("the user is missing or holds an invisible character")
	case !refShape.MatchString(o.Ref):
		return "", errors.New("the ref must be 20 lower-case letters, like " + seedProdRef)
	case !printable(o.Database):
		return "", errors.New("the database holds an invisible character")
	case o.Password.IsZero():
		return "", errors.New("the password is empty")
	case strings.Contains(o.Password.Reveal(), "\x00"):
		return "", errors.New("the password holds a zero byte, which PostgreSQL can't take")
	}
	var user, host string
	switch cmp.Or(o.Mode, ModeShared) {
	case ModeShared:
		if !IsRegion(o.Region) {
			return "", errors.New("the region is missing or not like us-east-1")
		}
		user, host = base+"."+o.Ref, SharedHost(o.Cluster, o.Region)
	case ModeDedicated:
		user, host = base, "db."+o.Ref+".supabase.co"
	default:
		return "", errors.New("the mode must be shared or dedicated")
	}
	return fmt.Sprintf("postgresql://%s:%s@%s:%d/%s?sslmode=require",
		Encode(user), Encode(o.Password.Reveal()), host, portPooler, Encode(cmp.Or(o.Database, "postgres"))), nil
}

// WithPassword puts a password, percent-encoded, into a DSN that has none, for
// one that was typed at a prompt. A DSN that has one or can't be read is an
// error, which holds nothing of either.
func WithPassword(raw string, password Secret) (string, error) {
	switch r := read(raw, Rules{}); {
	case r.dsn.Host == "":
		return "", errors.New("the DSN can't be read")
	case r.dsn.Encoding != Missing:
		return "", errors.New("the DSN has a password already")
	}
	userinfo, tail, _ := strings.Cut(raw, "@")
	return strings.TrimSuffix(userinfo, ":") + ":" + Encode(password.Reveal()) + "@" + tail, nil
}
