package main

import (
	"io"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/term"

	"dragonfly.internal/sidecar/internal/config"
)

// newLogger writes to out in the format and level of the environment. JSON has
// the keys message and a lower-case level, which Railway reads (docs/facts.md#railway-logs).
func newLogger(c config.Config, out io.Writer) *slog.Logger {
	if c.LogFormat == "text" || c.LogFormat == "" && isTerminal(out) {
		return slog.New(newTextLog(out, c.Level()))
	}
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: c.Level(), ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		switch {
		case len(groups) > 0:
		case a.Key == slog.LevelKey:
			a.Value = slog.StringValue(strings.ToLower(a.Value.String()))
		case a.Key == slog.MessageKey:
			a.Key = "message"
		}
		return a
	}}))
}

// isTerminal reports whether a stream ends at a person.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
