package dsn

import (
	"net/netip"
	"regexp"
	"strings"
)

// Mode is the way to the database that host and port stand for (docs/dsn.md#modes).
type Mode string

// The modes. A Report always has one of them.
const (
	ModeShared    Mode = "shared"    // aws-N-REGION.pooler.supabase.com
	ModeDedicated Mode = "dedicated" // db.REF.supabase.co on 6543
	ModeDirect    Mode = "direct"    // db.REF.supabase.co on 5432 or no port
	ModeUnknown   Mode = "unknown"   // anything else
)

// Modes lists every Mode, for label values and documentation.
var Modes = []Mode{ModeShared, ModeDedicated, ModeDirect, ModeUnknown}

// The two ports that mean something (docs/seed.md#variables-and-ports).
const (
	portPooler = 6543 // transaction pooling
	portDirect = 5432 // PostgreSQL itself, or the shared pooler's session mode
)

// The hosts of Supabase, anchored at both ends: a part of a name proves nothing.
var (
	sharedHost = regexp.MustCompile(`^aws-[0-9]+-(` + regionPattern + `)\.pooler\.supabase\.com$`)
	dbHost     = regexp.MustCompile(`^db\.([a-z0-9-]+)\.supabase\.co$`)
	refShape   = regexp.MustCompile(`^[a-z]{20}$`) // what every real project ref looks like
	region     = regexp.MustCompile(`^` + regionPattern + `$`)
)

const regionPattern = `[a-z]{2,}(?:-[a-z]+)+-[0-9]+` // us-east-1, ap-southeast-2, us-gov-west-1

// place is what a host name alone says. The zero value is a host of neither
// pattern.
type place struct {
	shared bool
	db     bool
	region string // of a shared host
	ref    string // of a db host
}

func placeOf(host string) place {
	if m := sharedHost.FindStringSubmatch(host); m != nil {
		return place{shared: true, region: m[1]}
	}
	if m := dbHost.FindStringSubmatch(host); m != nil {
		return place{db: true, ref: m[1]}
	}
	return place{}
}

// mode says what the place is on a port. A shared host stays shared on a wrong
// port; a db host does not become anything on one.
func (p place) mode(port uint16) Mode {
	switch {
	case p.shared:
		return ModeShared
	case p.db && port == portPooler:
		return ModeDedicated
	case p.db && port == portDirect:
		return ModeDirect
	}
	return ModeUnknown
}

// IsLoopback reports whether the host is this machine: localhost, 127.0.0.0/8
// or ::1. Other spellings that a resolver might accept (127.1, 0x7f000001) are
// names nobody knows.
func (d DSN) IsLoopback() bool {
	if d.Host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(d.Host)
	return err == nil && addr.Unmap().IsLoopback()
}

// isInternal reports whether the host is one of a private network that the dev
// environment may use (docs/dsn.md#environments).
func (d DSN) isInternal() bool {
	name, found := strings.CutSuffix(d.Host, ".internal")
	return found && name != "" // includes host.docker.internal
}
