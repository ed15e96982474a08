// Package health answers HTTP requests about the supervisor's snapshot, and
// asks another sidecar for its own. It only reads: nothing here can open a
// connection to the database, however often it is asked (docs/http.md).
package health
