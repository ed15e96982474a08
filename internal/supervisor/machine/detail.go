package machine

// Detail tells apart what one [Reason] holds and people must do different
// things about. It changes no state and no time. A closed set; the zero value
// says no more than the reason does.
type Detail string

// The details, by the reason that they come with.
const (
	// With ReasonTLS.
	DetailTLSUnknownAuthority  Detail = "tls_unknown_authority"  // no root that we trust has signed the certificate
	DetailTLSExpired           Detail = "tls_expired"            // the certificate is not valid now: expired, not yet begun, or our clock is wrong
	DetailTLSHostname          Detail = "tls_hostname"           // the certificate is for another host
	DetailTLSRefused           Detail = "tls_refused"            // the server offers no TLS
	DetailTLSRequired          Detail = "tls_required"           // the server takes no connection without TLS
	DetailTLSClientCertificate Detail = "tls_client_certificate" // the server wants a certificate of ours

	// With ReasonNetwork, and the look-ups with ReasonTimeout too.
	DetailDNSNoSuchHost     Detail = "dns_no_such_host"   // the name does not exist
	DetailDNSFailed         Detail = "dns_failed"         // the look-up itself failed: the name may well exist
	DetailNoIPv6Route       Detail = "no_ipv6_route"      // the address is IPv6, and nothing leads there from here
	DetailConnectionRefused Detail = "connection_refused" // the port is closed at every address

	// With ReasonConfigRejected.
	DetailNotPostgreSQL    Detail = "not_postgresql"    // another protocol answers on the port
	DetailAuthRule         Detail = "auth_rule"         // a rule (pg_hba.conf, allow list) keeps us out before any password is judged
	DetailNoDatabase       Detail = "no_database"       // the database does not exist
	DetailStartupParameter Detail = "startup_parameter" // a parameter of the DSN is not accepted
	DetailPoolerLogin      Detail = "pooler_login"      // the pooler's own login to the server fails: its stored secret or auth_user
	DetailTenantBanned     Detail = "tenant_banned"     // the pooler's operator has banned the project

	// With ReasonUnavailable.
	DetailPoolerConfig Detail = "pooler_config" // the pooler cannot use its own settings; it seldom comes back by itself
)

// Details lists every detail but the empty one.
var Details = []Detail{
	DetailTLSUnknownAuthority, DetailTLSExpired, DetailTLSHostname, DetailTLSRefused, DetailTLSRequired, DetailTLSClientCertificate,
	DetailDNSNoSuchHost, DetailDNSFailed, DetailNoIPv6Route, DetailConnectionRefused,
	DetailNotPostgreSQL, DetailAuthRule, DetailNoDatabase, DetailStartupParameter, DetailPoolerLogin, DetailTenantBanned,
	DetailPoolerConfig,
}
