package main

import (
	"os"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/demo"
)

func newDemo(std streams) *cobra.Command {
	var once bool
	command := &cobra.Command{
		Use:   "demo",
		Short: "Play a lockout on a simulated pooler, with windows of seconds",
		Long: `Play a lockout on a simulated pooler, with windows of seconds.

The real sidecar runs on $PORT (8080) against a simulated pooler; everything stays
on loopback and nothing is written to disk. After the story it goes on serving
until Ctrl-C.`,
		Example: "  sidecar demo --once",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo.Play(cmd.Context(), std.out, os.Getenv("PORT"), build(), once)
		},
	}
	command.Flags().BoolVar(&once, "once", false, "end after the story")
	return command
}
