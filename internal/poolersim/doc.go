// Package poolersim is a connection pooler that only pretends: it speaks the
// real PostgreSQL wire protocol on loopback, or over net.Pipe inside a
// testing/synctest bubble, and answers as its [Script] says. It lets tests and
// the demo meet every refusal and every silence of a real pooler in no time and
// at no risk.
//
// A connection passes these points, and the script may step in at each of them:
//
//	accepted ── OnAccept     nothing read yet
//	   │
//	SSLRequest ── OnTLS      read, not answered
//	   │
//	startup ── OnStartup     user and database known, no credential asked for
//	   │
//	password ── OnPassword   credential received, not looked at
//	   │     └─ OnWrong      credential looked at, and wrong
//	   │
//	query ── OnQuery         every query, before it is answered
//
// What happens there is an [Act]: a [Refusal] in any words, [Hang], [Drop],
// [Reset], a [Notice] and the end, [Raw] bytes of some other protocol, or one of
// these after a while ([Slow]). No act means: go on. So the zero Script is a
// healthy pooler without passwords.
//
//	pooler, err := poolersim.Listen()
//	...
//	defer pooler.Close()
//	pooler.Set(poolersim.Script{Auth: poolersim.SCRAM, Password: "s3cret", OnQuery: poolersim.ServerLoginRetry})
//	conn, err := pgconn.Connect(ctx, pooler.DSN("app", "s3cret", "appdb"))
//
// Inside a bubble a zero Server, made in the bubble, needs no listener:
//
//	pooler := new(poolersim.Server)
//	defer pooler.Close()
//	config.DialFunc = pooler.Dial
//
// Not simulated: named statements (all are taken for the unnamed one),
// transactions, COPY, channel binding, and answers to Flush (they come at Sync).
package poolersim
