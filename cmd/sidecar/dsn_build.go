package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
)

func newDSNEncode(std streams) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
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
			warnPlaceholder(std, password, false)
			printResult(std.out, asJSON, "encoded", dsn.Encode(password.Reveal()))
			return nil
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	return command
}

func newDSNBuild(std streams) *cobra.Command {
	var o dsn.BuildOptions
	var mode string
	var asJSON bool
	command := &cobra.Command{
		Use:   "build --user U --ref R --region R",
		Short: "Build a DSN that every program reads alike",
		Long: `Build a DSN that every program reads alike, and print it with its password.

The password is asked for twice without being shown, or read from standard input.`,
		Example: "  sidecar dsn build --user postgres --ref iaketsyhmqbwaabgykux --region us-east-1 --cluster 0",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			o.Mode = dsn.Mode(mode)
			wrong := func(err error) error {
				return exit.Fail(exit.Usage, "build the DSN: "+err.Error(), "see sidecar dsn build --help")
			}
			o.Password = dsn.NewSecret("-") // nobody types a password for flags that are wrong
			if _, err := dsn.Build(o); err != nil {
				return wrong(err)
			}
			if o.Password, err = readNewPassword(std); err != nil {
				return err
			}
			warnPlaceholder(std, o.Password, true)
			built, err := dsn.Build(o)
			if err != nil {
				return wrong(err)
			}
			if o.Mode == dsn.ModeShared && !cmd.Flags().Changed("cluster") {
				fmt.Fprintln(std.err, "sidecar: warning: "+dsn.ClusterWarning)
			}
			printResult(std.out, asJSON, "dsn", built)
			return nil
		},
	}
	flags := command.Flags()
	flags.BoolVar(&asJSON, "json", false, "print it as JSON")
	flags.StringVar(&o.User, "user", "", "role, with or without the project ref")
	flags.StringVar(&o.Ref, "ref", "", "project ref, 20 lower-case letters")
	flags.StringVar(&o.Region, "region", "", "region of the shared pooler, like us-east-1")
	flags.UintVar(&o.Cluster, "cluster", 0, "N of aws-N in the shared pooler's host")
	flags.StringVar(&mode, "mode", string(dsn.ModeShared), "shared or dedicated")
	flags.StringVar(&o.Database, "database", "postgres", "name of the database")
	return command
}
