package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// newLogger writes to out in the format and level of the environment. JSON has
// the keys message and a lower-case level, which Railway reads (facts 4).
func newLogger(c config, out io.Writer) *slog.Logger {
	level, _ := parseLevel(c.LogLevel) // checked by loadConfig
	asText := c.LogFormat == "text" || c.LogFormat == "" && isTerminal(out)
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		switch {
		case len(groups) > 0:
		case a.Key == slog.LevelKey:
			a.Value = slog.StringValue(strings.ToLower(a.Value.String()))
		case a.Key == slog.MessageKey && !asText:
			a.Key = "message"
		}
		return a
	}}
	if asText {
		return slog.New(slog.NewTextHandler(out, options))
	}
	return slog.New(slog.NewJSONHandler(out, options))
}

func parseLevel(text string) (slog.Level, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(text)); err != nil {
		return level, fmt.Errorf("want debug, info, warn or error")
	}
	return level, nil
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
