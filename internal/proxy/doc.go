// Package proxy relays apps' connections to the pooler while the sidecar's verdict
// allows it, and answers in the server's place while it does not.
//
// What it passes on it does not read: TLS and SCRAM run between the app and the
// pooler. A connection goes through these steps:
//
//	accept         at most Max of them
//	first bytes    within 15 s; nothing is dialled for who says nothing
//	the door       the snapshot says open, closed, or wait for the first verdict
//	the budget     of refused logins, package budget; a cancel request needs none
//	dial           the door is asked again at each connect(2), and after it
//	relay          until both sides have ended
//
// A door that is closed closes no connection that is open, but a login that is not
// through yet goes no further.
package proxy
