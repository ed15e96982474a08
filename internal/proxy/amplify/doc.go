// Package amplify plays fleets of apps against a pooler with a breaker, in virtual
// time: what a wrong password comes to without the sidecar, with apps that ask it,
// and with apps behind its proxy. The machine and the budget are the real ones; apps,
// pooler and network are models. docs/amplification.md is printed from it.
package amplify
