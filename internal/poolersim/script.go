package poolersim

import "crypto/tls"

// Script is how the pooler treats one connection. The zero value is a healthy
// pooler: no TLS, no password, and an answer to SELECT 1.
type Script struct {
	// Auth is how the client has to prove itself. The zero value is Trust.
	Auth Method
	// Password is the right one, whoever the user is. Trust does not look at it.
	Password string
	// TLS answers an SSLRequest with S and upgrades; nil answers N.
	TLS *tls.Config

	// The acts, in the order in which a connection meets them. Nil goes on.

	OnAccept   Act // at once, before a byte is read
	OnTLS      Act // in place of the answer to an SSLRequest
	OnStartup  Act // after the startup message
	OnPassword Act // after the credential, right or wrong; never under Trust
	OnWrong    Act // after a wrong credential; nil refuses in PostgreSQL's words, [WrongPassword]
	OnQuery    Act // at every query

	// Answer gives the rows for a query; false, or a nil Answer, leaves SELECT 1
	// to the pooler, and everything else to a syntax error (42601).
	Answer func(sql string) (Table, bool)

	// Choose, when set, is asked after the startup message of the n-th connection
	// (from 1) and gives the script for the rest of it. Accept and TLS are over
	// by then. It may run for several connections at once.
	Choose func(n int, params map[string]string) Script
}
