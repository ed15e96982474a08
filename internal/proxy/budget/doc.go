// Package budget decides which logins the proxy may still let through. It is
// pure: it knows lengths, times, ends and addresses, never a byte, and the time
// is a parameter.
//
// # Why
//
// A pooler such as Supavisor counts wrong passwords per client address, and
// after 10 in 150 s it refuses everybody at that address, the right password
// included (docs/facts.md#supavisor-breaker). Behind a proxy all apps
// share one address. So the proxy must not let through more refused logins than
// that, whoever makes them.
//
// # What a refused login is
//
// The proxy does not read: TLS runs from end to end. But a login is a game of
// question and answer, so the lengths of the flights tell how far it is
// ([Reading]):
//
//	client  8      SSLRequest, any number of times          server  1
//	client  >=150  TLS hello, twice when the server asks    server  >=60
//	client         TLS finished, with or without the startup message
//	client         startup message                          server  a question
//	client         password, one flight or two (SCRAM)      server  the answer
//
// A login is refused when, after at least one answered password flight, one of
// the two ends soon and the server's last flight was shorter than a welcome
// ([welcome] bytes), with nothing after it from the client but a farewell (at
// most [farewell] bytes: Terminate, a TLS alert, or both; node-postgres says
// them also when it was refused). So these are no refused logins: a cancel
// request, pg_isready without a password, a client that does not like the
// certificate, an unknown tenant, which is refused before the password.
//
// A login is good when the last answer is long enough for a welcome, when the
// client goes on after it, or when it was shorter and nobody has ended 0.3 s
// later; a server that refuses ends at once.
// Should it end after all, within 5 s and before the client, the login is
// counted then.
//
// # Who may try
//
// All clients together make at most 8 refused logins in any 150 s ([Budget]), and 6
// before a shared pooler, where the sidecar itself may make three: a login that is
// under way takes one of the places until it is known to be good, and a refused one
// keeps its place for 150 s.
//
//   - An address without a good login may have one under way at a time, so one
//     wrong app with a pool of 50 costs one refused login and not 8.
//   - An address whose last login was good may have any number under way. One
//     place is for such addresses alone: when wrong apps have used up the others,
//     the right ones still get through, one after the other.
//   - An address that was refused is no longer good, and waits: 15 s, and twice as
//     long each time, up to 15 min. A good login forgets that.
//   - Whoever finds the places taken by logins under way waits for one; whoever
//     finds them taken by refused ones, or is to wait for its address, is told so.
//   - A client that lets 2 s pass before it says the next thing of its login, or the
//     rest of it, gives its place back, and needs one again before that thing is
//     passed on: slow clients neither block the others nor slip through.
//
// What is refused while the sidecar itself is not ready is not held against
// anybody, and on a pooler of one's own, where nobody counts, neither is what was
// refused since the last probe that found it ready.
package budget
