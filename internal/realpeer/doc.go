// Package realpeer starts real PostgreSQL and real PgBouncer servers for tests.
//
//	pg := realpeer.StartPostgres(t, realpeer.PostgresConfig{})
//	pg.CreateRole(t, "app", "right horse")
//	pooler := realpeer.StartPgBouncer(t, pg, realpeer.PgBouncerConfig{
//		Users: map[string]string{"app": "right horse"},
//	})
//	dial(pooler.DSN("app", "right horse"))
//	pooler.Logins("app") // what the server counted, from its own log
//
// Servers listen on a free loopback port and keep everything else in a
// directory of their own. They run as the user postgres when the tests run as
// root, which PostgreSQL and PgBouncer refuse, else as the current user. Each
// ends with its test, and when the test binary is killed with the binary; the
// end of its log is printed when the test failed.
//
// The counters read the servers' own logs, so they can't agree with the
// client by mistake, and they go on counting across a restart. Both servers
// write the line before they answer: what a client has heard is counted.
//
// A server's methods are for one goroutine at a time.
package realpeer
