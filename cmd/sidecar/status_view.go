package main

import (
	"encoding/json"
	"fmt"
	"time"

	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/report"
)

// view is what --watch shows.
type view interface {
	answered(status health.Status, text json.RawMessage)
	silent(err error) // nobody answered this time
}

// newView chooses: lines of JSON, a picture on a terminal, else changed lines.
func newView(std streams, asJSON bool) view {
	lines := &changedLines{std: std}
	switch {
	case asJSON:
		return jsonLines{lines}
	case isTerminal(std.out):
		return picture{std}
	}
	return lines
}

// changedLines prints what is new, each line with its time.
type changedLines struct {
	std   streams
	known []report.Row
	error string
}

func (v *changedLines) answered(status health.Status, _ json.RawMessage) {
	rows := report.StatusRows(status)
	for _, row := range report.Changes(v.known, rows) {
		fmt.Fprintf(v.std.out, "%s %s: %s\n", timeOfDay(), row.Name, row.Value)
	}
	v.known, v.error = rows, ""
}

func (v *changedLines) silent(err error) {
	if err.Error() != v.error {
		v.error = err.Error()
		fmt.Fprintf(v.std.err, "sidecar: warning: %s %s\n", timeOfDay(), v.error)
	}
}

// jsonLines prints every answer as it came.
type jsonLines struct{ *changedLines }

func (v jsonLines) answered(_ health.Status, text json.RawMessage) {
	v.error = ""
	fmt.Fprintf(v.std.out, "%s\n", text)
}

// picture draws the status anew in the same place.
type picture struct{ std streams }

func (v picture) answered(status health.Status, _ json.RawMessage) {
	v.draw(report.StatusText(status, time.Now()))
}

func (v picture) silent(err error) { v.draw(err.Error() + "\n") }

// draw goes to the top left corner, wipes what is below and writes the text.
func (v picture) draw(text string) {
	fmt.Fprintf(v.std.out, "\x1b[H\x1b[J%s\n%s, asked every %s. Ctrl-C ends this.\n", text, timeOfDay(), watchEvery)
}

// timeOfDay is the time on the wall.
func timeOfDay() string { return time.Now().UTC().Format("15:04:05 UTC") }
