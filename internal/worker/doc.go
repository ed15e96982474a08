// Package worker decides when a worker may start, and what follows its end. It
// knows what the sidecar answered and at what time; it has no clock, asks nobody
// and starts nothing. That is for "sidecar run" and "sidecar wait".
//
//	waiting ──ready──▶ released ──jitter──▶ start ──▶ CMD runs
//	   ▲                  │                             │
//	   ├──not ready, away─┘                             ├─ exit 78: a hold, then waiting
//	   └────────────────────────────────────────────────┤
//	                                                    └─ any other code: the end
//
// A start needs that the last hold is over and that the sidecar said ready in its
// latest answer, which is asked for at the moment of the start itself. One start
// is allowed without any answer: [Policy.FailOpen].
package worker
