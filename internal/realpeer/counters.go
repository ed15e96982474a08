package realpeer

// Port is the TCP port on [Host].
func (pg *Postgres) Port() int { return pg.port }

// Address is host and port, to dial.
func (pg *Postgres) Address() string { return address(pg.port) }

// DSN is the URL of the server for a client without TLS.
func (pg *Postgres) DSN(user, password string) string { return dsn(pg.port, user, password) }

// Log is what the server has written, by lines, across its restarts.
func (pg *Postgres) Log() []string { return pg.log() }

// Sockets counts the TCP connections that the server took.
func (pg *Postgres) Sockets() int { return pg.count("connection received: host=", " port=") }

// Logins counts the logins of the user that succeeded.
func (pg *Postgres) Logins(user string) int {
	return pg.count("connection authorized: user=" + user + " ")
}

// Rejections counts the logins of the user with a wrong password.
func (pg *Postgres) Rejections(user string) int {
	return pg.count(`FATAL:  password authentication failed for user "` + user + `"`)
}

// Port is the TCP port on [Host].
func (pb *PgBouncer) Port() int { return pb.port }

// Address is host and port, to dial.
func (pb *PgBouncer) Address() string { return address(pb.port) }

// DSN is the URL of the pooler for a client without TLS.
func (pb *PgBouncer) DSN(user, password string) string { return dsn(pb.port, user, password) }

// Log is what the pooler has written, by lines, across its restarts.
func (pb *PgBouncer) Log() []string { return pb.log() }

// Sockets counts the TCP connections that the pooler took from clients,
// whether or not they said anything. One that was never answered may be
// counted a moment later: see [Until].
func (pb *PgBouncer) Sockets() int { return pb.count("P: got connection: " + Host) }

// Logins counts the logins that clients tried as user, with any password.
func (pb *PgBouncer) Logins(user string) int { return pb.count("login attempt: ", " user="+user+" ") }

// Rejections counts the logins of clients as user with a wrong password.
func (pb *PgBouncer) Rejections(user string) int {
	return pb.count("/"+user+"@", " closing because: ", "authentication failed")
}
