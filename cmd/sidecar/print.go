package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"dragonfly.internal/sidecar/internal/exit"
)

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
