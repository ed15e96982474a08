package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// textLog writes records for people: the time in UTC, the level, the message, and the
// attributes that the message does not say itself.
type textLog struct {
	level slog.Level
	attrs []slog.Attr // of all records
	group string      // before the names of further ones, with its dot

	mu  *sync.Mutex // of out
	out io.Writer
}

func newTextLog(out io.Writer, level slog.Level) textLog {
	return textLog{level: level, mu: new(sync.Mutex), out: out}
}

// Enabled implements [slog.Handler].
func (l textLog) Enabled(_ context.Context, level slog.Level) bool { return level >= l.level }

// WithAttrs implements [slog.Handler].
func (l textLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	l.attrs = slices.Clone(l.attrs)
	for _, a := range attrs {
		l.attrs = append(l.attrs, slog.Attr{Key: l.group + a.Key, Value: a.Value})
	}
	return l
}

// WithGroup implements [slog.Handler].
func (l textLog) WithGroup(name string) slog.Handler {
	l.group += name + "."
	return l
}

// Handle implements [slog.Handler].
func (l textLog) Handle(_ context.Context, r slog.Record) error {
	var line bytes.Buffer
	if !r.Time.IsZero() {
		line.WriteString(r.Time.UTC().Format("2006-01-02 15:04:05 "))
	}
	fmt.Fprintf(&line, "%-5s %s", r.Level, strings.Map(printable, r.Message))
	whole := strings.HasPrefix(r.Message, "[DB") // such a line says all of its attributes but the error
	add := func(a slog.Attr) {
		if text := a.Value.Resolve().String(); text != "" && (!whole || a.Key == "error" && strings.Contains(r.Message, "READY=")) {
			fmt.Fprintf(&line, " %s=%s", a.Key, attrText(text))
		}
	}
	for _, a := range l.attrs {
		add(a)
	}
	r.Attrs(func(a slog.Attr) bool {
		a.Key = l.group + a.Key
		add(a)
		return true
	})
	line.WriteByte('\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.out.Write(line.Bytes())
	return err
}

// printable keeps a message on its line, and a terminal from obeying it.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return '\uFFFD'
}

// attrText is a value as it can be told from what stands beside it.
func attrText(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r == ' ' || r == '"' || r == '=' || !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}
