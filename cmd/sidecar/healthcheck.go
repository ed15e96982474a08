package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/health"
)

func newHealthcheck(std streams) *cobra.Command {
	return &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask whether the sidecar of this container lives",
		Long: `Ask /health at 127.0.0.1:$PORT, for Docker's HEALTHCHECK in an image without a
shell. Exit code 0 or 1. A sidecar in a lockout is alive.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load()
			if err != nil {
				return err
			}
			c.SidecarURL = "" // this container's own, whoever else is asked otherwise
			address := c.SidecarAddress().String()
			if err := (health.Client{URL: address}).Alive(cmd.Context()); err != nil {
				return exit.Fail(exit.Failure, fmt.Sprintf("no sidecar answers at %s/health", address), "PORT has to be the sidecar's own")
			}
			return nil
		},
	}
}
