// Package fleet lets several sidecars share one record, so that one of them asks the
// database for all.
//
//	           lease ran out, or nobody had one
//	follower ─────────────────────────────────────▶ leader
//	   ▲  shows the leader's verdict                  │  asks, and writes the record
//	   └──────────────────────────────────────────────┘
//	      another one has the lease, or a writing was refused
//
// What a member may do is decided in rules.go, which is pure: no clock, nobody asked.
// [Member] asks the store once a second and hands on what the rules make of it. What
// is promised, and what no lock can promise, stands in docs/fleet.md.
package fleet
