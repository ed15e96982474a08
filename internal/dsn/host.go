package dsn

import (
	"net/netip"
	"strconv"
	"strings"
)

// endpoint reads "host:port" as it stands between the @ and the path. The port
// is 5432 when there is none, as in libpq. Its findings repeat nothing of the
// text.
func endpoint(text string) (host string, port uint16, f *Finding) {
	if strings.Contains(text, ",") {
		return "", 0, find(MultipleHosts, "The DSN names more than one host.", "Name the pooler's host alone: one login goes to one place.")
	}
	name, digits, hasPort := strings.Cut(text, ":")
	if strings.HasPrefix(text, "[") {
		inside, after, closed := strings.Cut(text[1:], "]")
		addr, err := netip.ParseAddr(inside)
		if !closed || err != nil || !addr.Is6() || addr.Zone() != "" || (after != "" && after[0] != ':') {
			return "", 0, unreadable("The host in square brackets is not an IPv6 address.", "Write it like [::1]:5432")
		}
		name, digits, hasPort = addr.String(), strings.TrimPrefix(after, ":"), after != ""
	} else if strings.ContainsAny(name, templateSigns) {
		return "", 0, ofTemplate("host")
	} else if name = plainHost(name); !isHostName(name) {
		return "", 0, unreadable("The host is missing, or holds a character that no host name has.",
			"A host name has letters, digits, hyphens and dots, like aws-0-REGION.pooler.supabase.com")
	}
	if !hasPort {
		return name, portDirect, nil
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if strings.ContainsAny(digits, templateSigns) || strings.EqualFold(digits, "port") {
		return "", 0, ofTemplate("port")
	}
	if err != nil || n == 0 {
		return "", 0, unreadable("The port is not a number between 1 and 65535.", "Write the pooler's port after the host, as :6543")
	}
	return name, uint16(n), nil
}

// plainHost brings a host name into the one form that is compared: lower case,
// no trailing dot, an IPv6 address without brackets.
func plainHost(name string) string {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if inside, ok := strings.CutPrefix(name, "["); ok {
		name = strings.TrimSuffix(inside, "]")
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.String()
	}
	return name
}

// isHostName accepts what DNS does (RFC 1123, punycode included), IPv4, and the
// underscore of compose services. No percent-encoding: libpq would decode it,
// urlsplit not.
func isHostName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := range len(label) {
			if c := label[i]; !letterOrDigit(c) && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}
