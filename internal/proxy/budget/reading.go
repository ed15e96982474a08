package budget

import "time"

// Side is an end of a connection.
type Side bool

// The sides.
const (
	Client Side = false
	Server Side = true
)

// Verdict is what the lengths say of a login. The zero value is [Pending].
type Verdict int

// The verdicts.
const (
	Pending Verdict = iota // under way
	Good                   // the server took the credential, or there was none to refuse
	Refused                // the server did not take the credential
	NoLogin                // it ended before there was a credential to judge
)

// Lengths of flights, in bytes: measured with psql, psycopg, asyncpg, pgx,
// node-postgres and postgres.js before PostgreSQL and PgBouncer, with and without
// TLS 1.2 and 1.3 (docs/proxy.md#what-the-lengths-are).
const (
	request         = 8   // SSLRequest or GSSENCRequest, answered by one byte
	hello           = 150 // a ClientHello is longer, a startup message hardly ever
	question        = 60  // the longest request for a password; a TLS hello's answer is longer
	retryHello      = 130 // a HelloRetryRequest is shorter, a ServerHello with a certificate longer
	finished        = 112 // the client's end of a TLS 1.3 handshake alone is shorter
	continueMin     = 60  // SCRAM's answer to the first of its two flights lies between these
	continueMax     = 180
	proofMin        = 80 // and SCRAM's second flight between these
	proofMax        = 400
	finished12      = 51  // the server's end of a TLS 1.2 handshake, with AES
	finished12Short = 43  // with ChaCha20
	alert           = 31  // a TLS alert
	farewell        = 65  // Terminate and a TLS alert
	welcome         = 260 // what the server says after a login that it takes is longer
)

// Times of a login.
const (
	quiet   = 300 * time.Millisecond // after a short last answer: a server that refuses ends at once
	soon    = 5 * time.Second        // an end within this long after the answer belongs to it
	Idle    = 2 * time.Second        // a client that says nothing for this long gives its place back
	Longest = time.Minute            // servers end a login that takes longer
)

// stage is what the next flights of a login are.
type stage int

const (
	asking      stage = iota // SSLRequest, GSSENCRequest, hello or startup message
	helloAgain               // the second hello
	finishing                // the end of the handshake, maybe with the startup message
	starting                 // the startup message
	passwording              // the password
)

// Reading is what is known of one login. The zero value is a connection that has
// just been opened. It is not safe for concurrent use.
type Reading struct {
	stage    stage
	client   int  // bytes of the client's flight
	server   int  // bytes of the server's answer to it
	tail     int  // bytes of the client's after that, as long as they may be a farewell
	password int  // password flights that were answered before this one
	final    bool // the login's last answer came before this round
	at       time.Time
	presumed bool // good by silence alone
	ended    bool // the client has
	verdict  Verdict
}

// Verdict is what is known by now.
func (r *Reading) Verdict() Verdict { return r.verdict }

// Settled reports whether nothing can change the verdict any more.
func (r *Reading) Settled() bool { return r.verdict != Pending && !r.presumed }

// Bytes takes n bytes from a side. They are told before they are passed on, so
// that an answer never comes before its question.
func (r *Reading) Bytes(from Side, n int, now time.Time) {
	if r.Settled() || n == 0 {
		return
	}
	if from == Server || r.server > 0 || r.client == 0 {
		r.at = now // pieces of one flight do not make it younger
	}
	switch {
	case from == Server && r.tail > 0 && n <= alert: // the answer to a farewell
	case from == Server:
		if r.tail > 0 { // so it was none
			r.next(r.tail)
		}
		if r.server == 0 && r.password == 1 && (r.client < proofMin || r.client > proofMax) {
			r.final = true // not SCRAM: one flight was all, and the client has gone on
		}
		if r.server += n; r.final || r.answered() && r.server >= welcome {
			r.settle(Good)
		}
	case r.server == 0:
		r.client += n
	case r.tail+n <= farewell && !r.requested():
		r.tail += n
	default:
		if r.next(r.tail + n); r.final {
			r.settle(Good) // after the last answer only one who is in goes on
		}
	}
}

// requested reports whether this round was only about encryption.
func (r *Reading) requested() bool {
	return r.stage == asking && r.client == request && r.server == 1
}

// next closes a round of question and answer; the client's next flight has begun.
func (r *Reading) next(client int) {
	r.final = r.answered()
	switch {
	case r.requested():
	case r.stage == asking && r.client >= hello && r.server > question:
		r.stage = finishing
		if r.server < retryHello {
			r.stage = helloAgain
		}
	case r.stage == helloAgain:
		r.stage = finishing
	case r.stage == finishing && (r.client <= finished || r.server == finished12 || r.server == finished12Short):
		r.stage = starting
	case r.stage == passwording:
		r.password++
	default:
		r.stage = passwording
	}
	r.client, r.server, r.tail = client, 0, 0
}

// answered reports whether the login's last answer has begun: the welcome of a
// server that asks for nothing, the answer to the second password flight, or one
// to the first that is not SCRAM's own.
func (r *Reading) answered() bool {
	switch r.stage {
	case asking:
		return r.client < hello && r.server >= welcome
	case passwording:
		return r.server > 0 && (r.password > 0 || r.server < continueMin || r.server > continueMax)
	}
	return false
}

// End takes the end of a side.
func (r *Reading) End(side Side, now time.Time) {
	switch {
	case r.presumed && side == Server && !r.ended && r.tail == 0 && now.Sub(r.at) <= soon:
		r.settle(Refused)
	case r.verdict != Pending:
		r.presumed = false
	case side == Client && (r.tail > 0 || r.client > 0 && r.server == 0):
		r.ended = true // what it said last may still be answered
	case r.stage == passwording && r.server > 0 && now.Sub(r.at) <= soon:
		r.settle(Refused)
	default:
		r.settle(NoLogin)
	}
}

// Due is when silence alone says something: call [Reading.Quiet] then. False: never.
func (r *Reading) Due() (time.Time, bool) {
	switch {
	case r.presumed:
		return r.at.Add(soon), true
	case r.verdict != Pending || r.server == 0 || r.tail > 0:
		return time.Time{}, false
	case !r.answered():
		return r.at.Add(Longest), true
	}
	return r.at.Add(quiet), true
}

// Quiet takes it that nothing came until now.
func (r *Reading) Quiet(now time.Time) {
	due, ok := r.Due()
	switch {
	case !ok || now.Before(due):
	case r.presumed:
		r.presumed = false
	default:
		r.presumed = r.answered()
		r.verdict = Good
	}
}

// Waits is since when it may be the client who has to say the next thing of its
// login: it was asked, or what it said may be a piece only, and is no password. False:
// there is something for the server to judge.
func (r *Reading) Waits() (since time.Time, ok bool) {
	switch {
	case r.verdict != Pending:
		return r.at, false
	case r.server > 0:
		return r.at, r.tail == 0 && !r.answered()
	}
	return r.at, r.client > 0 && r.stage != passwording
}

func (r *Reading) settle(v Verdict) { r.verdict, r.presumed = v, false }
