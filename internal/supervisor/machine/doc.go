// Package machine decides when the database may be asked, and what an answer
// means.
//
//	              start                      changed credential
//	                │                  ┌───────────────────────────┐
//	                ▼                  ▼                           │
//	          ┌──────────┐  ok   ┌──────────┐   refused       ┌────┴─────┐
//	          │ starting ├──────▶│  ready   ├────────────────▶│ rejected │ hold
//	          └────┬─────┘       └─┬──────▲─┘                 └────┬─────┘
//	               │   failed twice│      │ok                      │ hold over:
//	               │               ▼      │                        │ asked once
//	               │             ┌────────┴─┐                      │
//	               ├────────────▶│ retrying │◀─────────────────────┤
//	               │             └────┬─────┘                      │
//	               │ lockout          │ lockout that counts        │
//	               ▼                  ▼                            │
//	             ┌──────────────────────┐                          │
//	             │  lockout   (window)  │◀─────────────────────────┘
//	             └──────────────────────┘  window over: one trial,
//	               no attempt by anybody   to any of the states above
//
//	A lockout and a refusal lead to their boxes from every state that asks.
//	misconfigured: we refused to send what we were given; nothing is dialled.
//	stopping:      the process is ending; readiness keeps its last verdict.
//
// In the words of circuit breakers: lockout is open, the trial after it is
// half-open, ready and retrying are closed.
//
// What is guaranteed (docs/design.md#invariants-and-their-tests, 1 to 3 and 6):
//
//   - Inside a window [Machine.Admit] gives no [Permit], and only a Permit opens
//     a connection.
//
//   - One Permit is at most one login, and one Permit is out at a time. A result
//     whose Permit is not the one that is out changes nothing.
//
//   - A window or hold lasts min + j*(max-min) with j in [0,1): never shorter
//     than its minimum, never longer than its maximum.
//
//   - A [Record] carries all of this through a restart: a window on the wall
//     clock, never longer than its maximum; an attempt that was begun and not
//     ended keeps the spacing of the retries.
//
// [Machine] is pure: no clock, goroutine, log or I/O; the time is a parameter.
// Times carry Go's monotonic reading, so a jump of the wall clock moves nothing.
package machine
