// Package report turns what was found about a database into reports: one value
// each, written as text for people and as JSON for programs. It neither dials nor
// reads the environment.
package report
