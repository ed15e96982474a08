package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/notify"
	"dragonfly.internal/sidecar/internal/serve"
)

func newNotify(std streams) *cobra.Command {
	command := &cobra.Command{
		Use:   "notify",
		Short: "Try the way to people",
		Long: `Try the way to people: the sidecar sends a message to SIDECAR_NOTIFY_URL when a
lockout or another outage begins, and when it is over.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Fail(exit.Usage, "notify: test?", cmd.CommandPath()+" --help")
			}
			return unknownCommand(cmd, args[0])
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	command.AddCommand(&cobra.Command{
		Use:   "test",
		Short: "Send one message to SIDECAR_NOTIFY_URL and say what came back",
		Args:  none,
		RunE:  func(cmd *cobra.Command, _ []string) error { return testNotify(cmd.Context(), std) },
	})
	return command
}

// testNotify sends one message, once.
func testNotify(ctx context.Context, std streams) error {
	c, err := config.Load()
	if err != nil {
		return err
	}
	to := serve.Receiver(c)
	if to.URL.IsZero() {
		return exit.Fail(exit.Failure, "SIDECAR_NOTIFY_URL is not set", "set it to the address of a webhook, such as https://hooks.slack.com/services/...")
	}
	answer := to.Post(ctx, notify.Message{Event: notify.Test, Text: "[" + string(c.Mode) + "] A test of the sidecar's messages. Nothing has happened."})
	switch {
	case ctx.Err() != nil:
		return exit.Fail(exit.Failure, "interrupted", "")
	case !answer.OK:
		return exit.Fail(exit.Failure, "the message was not taken: "+answer.Text, "is SIDECAR_NOTIFY_URL whole, and does the webhook still exist?")
	}
	fmt.Fprintf(std.out, "Sent as %s: %s\n", to.Kind(), answer.Text)
	return nil
}
