package dsn

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strings"
)

// Env is the environment a DSN is judged for (SUPABASE_MODE, docs/dsn.md#environments).
// The zero value is judged like Prod.
type Env string

// The environments.
const (
	Prod Env = "prod"
	Dev  Env = "dev"
)

// ParseEnv reads the value of SUPABASE_MODE or --env with its aliases
// (docs/config.md#the-database), in any case. Any other text, the empty one
// included, is an error that does not repeat it.
func ParseEnv(text string) (Env, error) {
	switch strings.ToLower(text) {
	case "prod", "production":
		return Prod, nil
	case "dev", "development", "staging", "local":
		return Dev, nil
	}
	return "", errors.New("the environment must be prod (or production) or dev (or development, staging, local)")
}

// The seed's canonical project refs (docs/seed.md#project-refs).
const (
	seedProdRef = "iaketsyhmqbwaabgykux"
	seedDevRef  = "ejiddanxtqcleyswqvkc"
)

// Rules is what the environment says about acceptable DSNs. The texts stand as
// in the environment, and an empty one is an unset one (docs/config.md), so that
// Rules{Env: Prod} are the seed's rules.
type Rules struct {
	Env           Env
	ProdRef       string   // SIDECAR_PROD_REF; "" is the seed's
	DevRef        string   // SIDECAR_DEV_REF; "" is the seed's
	AllowHosts    []string // SIDECAR_ALLOW_HOSTS: exact names, accepted in either environment
	DirectWaiver  bool     // DB_CONNECTION_MODE=direct_waiver asks for the waiver
	WaiverExpires string   // SIDECAR_WAIVER_EXPIRES; "" is the seed's date
	WaiverReason  string   // SIDECAR_WAIVER_REASON; "" is the seed's, but only with the seed's date

	// Roots says what is wrong with the file of sslrootcert, nil when it holds a
	// certificate. This package reads no file; without a Roots none is looked at.
	Roots func(file string) error
}

// SplitHosts reads the value of SIDECAR_ALLOW_HOSTS: names separated by commas.
func SplitHosts(list string) []string {
	var hosts []string
	for name := range strings.SplitSeq(list, ",") {
		if name = plainHost(strings.TrimSpace(name)); name != "" {
			hosts = append(hosts, name)
		}
	}
	return hosts
}

// AreHosts reports whether a list from SplitHosts has a name, and nothing but
// names and addresses: no ports, schemes or patterns.
func AreHosts(hosts []string) bool {
	return len(hosts) > 0 && !slices.ContainsFunc(hosts, func(host string) bool {
		_, err := netip.ParseAddr(host)
		return err != nil && !isHostName(host)
	})
}

func (r Rules) prodRef() string { return cmp.Or(r.ProdRef, seedProdRef) }
func (r Rules) devRef() string  { return cmp.Or(r.DevRef, seedDevRef) }

// ref is the one project that the environment may use.
func (r Rules) ref() string {
	if r.Env == Dev {
		return r.devRef()
	}
	return r.prodRef()
}

// portFits reports whether a port may be used at a place. Supabase has nothing
// behind others than the two; the shared pooler's session mode on 5432 serves
// in dev.
func (r Rules) portFits(at place, port uint16) bool {
	return at == place{} || port == portPooler || port == portDirect && (at.db || r.Env == Dev)
}

// orOther gives a hint the other way out: a DSN in prod that leads to the
// development project, or one to a project that nobody has named yet.
func (r Rules) orOther(ref, hint string) string {
	switch {
	case r.Env != Dev && ref == r.devRef():
		return "Set SUPABASE_MODE=dev if this is development. Otherwise: " + hint
	case !r.isRef(ref) || ref == r.prodRef() || ref == r.devRef():
		return hint
	case r.Env == Dev:
		return hint + "; or set SIDECAR_DEV_REF=" + ref + ", if that is your project"
	}
	return hint + "; or set SIDECAR_PROD_REF=" + ref + ", if that is your project"
}

// allows reports whether the operator named this host. A host of Supabase is
// judged by its own rules: naming it waives nothing.
func (r Rules) allows(host string) bool {
	if host == "" || placeOf(host) != (place{}) {
		return false
	}
	return slices.ContainsFunc(r.AllowHosts, func(name string) bool { return plainHost(name) == host })
}

// Exempt reports whether the DSN may go without TLS: its host is this machine
// or named in SIDECAR_ALLOW_HOSTS (docs/dsn.md#environments).
func (d DSN) Exempt(r Rules) bool { return d.IsLoopback() || r.allows(d.Host) }
