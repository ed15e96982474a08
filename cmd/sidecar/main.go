// Command sidecar is the only process that asks whether the database behind a
// connection pooler is well, and tells everybody else.
//
//	sidecar [serve]               supervise DATABASE_URL and answer on $PORT
//	sidecar probe [DSN]           one login, one query, one report; --twice looks
//	                              again, --force dials even in a known window
//	sidecar verify [DSN]          at which step the way to the database ends;
//	                              --find-region asks every shared pooler
//	sidecar gate                  go or no go before a deploy
//	sidecar sessions [DSN]        who is connected, before a password is changed
//	sidecar status                what the running sidecar knows; --watch
//	sidecar state show            the stored window, as it outlives a restart
//	sidecar state clear           drop it: the lockout is known to be over
//	sidecar bans list             which addresses Supabase has banned
//	sidecar bans lift [ADDRESS]   lift the ban of this machine's, or of another
//	sidecar notify test           one message to SIDECAR_NOTIFY_URL
//	sidecar run -- CMD ...        start a worker when the sidecar says ready; hold it
//	                              in a lockout (docs/workers.md)
//	sidecar wait                  until the sidecar says ready
//	sidecar healthcheck           does the sidecar of this container live
//	sidecar dsn check [DSN]       may this DSN be used, and what is to be changed
//	sidecar dsn redact [DSN]      the form that may be shown
//	sidecar dsn encode            a password percent-encoded
//	sidecar dsn build             a DSN that every program reads alike
//	sidecar demo [--once]         a lockout told on a simulated pooler
//	sidecar completion bash       a script that completes commands with Tab
//	sidecar version               what runs here
//
// Reports are for people, and with --json for programs. probe, verify, gate and
// sessions dial once at most (probe --twice: twice), and not at all inside a
// lockout window that the running sidecar or the store knows of.
//
// serve answers /health (always 200), /readyz (200 or 503), /status, /metrics
// and / while it supervises. It logs in at most once per probe, and after a
// lockout not at all until the window of 15 to 20 minutes has ended.
//
// The environment is read from the variables of [config]; the DSN comes from
// DATABASE_URL, or from DATABASE_URL_FILE, which serve reads anew when it changes,
// and on SIGHUP together with the store. The result goes to stdout, errors and hints to stderr.
//
// Exit codes: 0 success, 1 failure, 2 wrong usage, 78 a lockout and nothing else.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"dragonfly.internal/sidecar/internal/exit"
)

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		told, _ := (<-signals).(syscall.Signal)
		cancel(exit.Told(told))
	}()
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// streams are where a command reads and writes.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// run executes one command and returns its exit code.
func run(ctx context.Context, args []string, std streams) int {
	root := newRoot(std)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	failed := exit.From(err)
	if failed.Message != "" {
		fmt.Fprintf(std.err, "sidecar: error: %s\n", failed.Message)
	}
	if failed.Hint != "" {
		fmt.Fprintf(std.err, "sidecar: hint: %s\n", failed.Hint)
	}
	return failed.Code
}
