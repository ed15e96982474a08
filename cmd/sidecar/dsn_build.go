package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/dsn"
)

func newDSNEncode(std streams) *cobra.Command {
	return &cobra.Command{
		Use:   "encode",
		Short: "Percent-encode a password for a DSN",
		Long: `Percent-encode a password for a DSN: everything but A-Z a-z 0-9 - . _ ~

The password is asked for without being shown, or read from standard input.`,
		Example: "  sidecar dsn encode\n  sidecar dsn encode <password.txt",
		Args:    none,
		RunE: func(*cobra.Command, []string) error {
			password, err := readPassword(std)
			if err != nil {
				return err
			}
			fmt.Fprintln(std.out, dsn.Encode(password.Reveal()))
			return nil
		},
	}
}

func newDSNBuild(std streams) *cobra.Command {
	var o dsn.BuildOptions
	var mode string
	command := &cobra.Command{
		Use:   "build --user U --ref R --region R",
		Short: "Build a DSN that every program reads alike",
		Long: `Build a DSN that every program reads alike, and print it with its password.

The password is asked for without being shown, or read from standard input.`,
		Example: "  sidecar dsn build --user postgres --ref iaketsyhmqbwaabgykux --region us-east-1 --cluster 0",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			o.Mode = dsn.Mode(mode)
			if o.Password, err = readPassword(std); err != nil {
				return err
			}
			built, err := dsn.Build(o)
			if err != nil {
				return &failure{exitUsage, "build the DSN: " + err.Error(), "see sidecar dsn build --help"}
			}
			if o.Mode == dsn.ModeShared && !cmd.Flags().Changed("cluster") {
				fmt.Fprintln(std.err, "sidecar: warning: "+dsn.ClusterWarning)
			}
			fmt.Fprintln(std.out, built)
			return nil
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.User, "user", "", "role, with or without the project ref")
	flags.StringVar(&o.Ref, "ref", "", "project ref, 20 lower-case letters")
	flags.StringVar(&o.Region, "region", "", "region of the shared pooler, like us-east-1")
	flags.UintVar(&o.Cluster, "cluster", 0, "N of aws-N in the shared pooler's host")
	flags.StringVar(&mode, "mode", string(dsn.ModeShared), "shared or dedicated")
	flags.StringVar(&o.Database, "database", "postgres", "name of the database")
	return command
}
