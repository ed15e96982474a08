package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"dragonfly.internal/sidecar/internal/exit"
)

// askTwice is the note on a lockout that may be an old one, where nobody vouches
// for a login in the last minute (docs/facts.md#pgbouncer-memory).
const askTwice = "PgBouncer may be answering from memory. Ask twice: sidecar probe --twice"

// namesNoCause is the note on a lockout that a restart of PostgreSQL looks like
// (docs/facts.md#pgbouncer-restart).
const namesNoCause = "PgBouncer before 1.24 says the same for up to half a minute after a restart of PostgreSQL. If there was one, ask again then."

// printReport prints a report for people or as JSON and ends with its exit code. One that
// was broken off from here says nothing about the database.
func printReport(ctx context.Context, std streams, report interface{ Text() string }, asJSON bool, code int) error {
	switch {
	case ctx.Err() != nil:
		return exit.Fail(exit.Failure, "interrupted", "")
	case asJSON:
		printJSON(std.out, report)
	default:
		fmt.Fprint(std.out, report.Text())
	}
	return exit.With(code)
}

// printJSON writes one line of JSON as it is, without escapes for HTML.
func printJSON(out io.Writer, value any) {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.Encode(value)
}
