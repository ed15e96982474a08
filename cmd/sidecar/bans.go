package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/report"
	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supabase"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// bansFlags are what the commands on bans may be told.
type bansFlags struct {
	env       string
	json, yes bool
}

const bansLong = `After two wrong passwords a db.* host bans the address they came from, for 30 minutes.
The bans are those of DATABASE_URL's project, read from Supabase's management API
with SUPABASE_ACCESS_TOKEN. The database is not dialled.`

func newBans(std streams) *cobra.Command {
	command := newBansList(std)
	command.Use, command.Example = "bans", "  sidecar bans\n  sidecar bans --json"
	command.Long = "List and lift bans at Supabase. Without a word after it, it lists them.\n\n" + bansLong
	command.Short = "List and lift Supabase's bans of addresses"
	command.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return unknownCommand(cmd, args[0])
	}
	command.AddCommand(newBansList(std), newBansLift(std))
	return command
}

func newBansList(std streams) *cobra.Command {
	var flags bansFlags
	command := &cobra.Command{
		Use:     "list",
		Short:   "Say which addresses Supabase has banned",
		Long:    "Say which addresses Supabase has banned.\n\n" + bansLong,
		Example: "  sidecar bans list\n  sidecar bans list --env prod",
		Args:    none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := findBans(cmd.Context(), std, flags)
			if err != nil {
				return err
			}
			return printReport(cmd.Context(), std, b.report, flags.json, exit.OK)
		},
	}
	flags.add(command)
	return command
}

func newBansLift(std streams) *cobra.Command {
	var flags bansFlags
	command := &cobra.Command{
		Use:   "lift [ADDRESS]",
		Short: "Lift the ban of this machine's address, or of another",
		Long: `Lift the ban of the address from which Supabase sees this machine, or of another one
from the list. It comes back within seconds while anything still retries a wrong
password: stop that first. Then the sidecar is told, through its store, that its
window of a ban may be tried; every other window and every hold stays.

` + bansLong,
		Example: "  sidecar bans lift\n  sidecar bans lift 203.0.113.7 --yes",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			addresses, err := parseAddress(cmd, args)
			if err != nil {
				return err
			}
			fmt.Fprintln(std.err, "sidecar: warning: a ban comes back within seconds while anything still retries a wrong password: stop that first")
			b, err := findBans(cmd.Context(), std, flags)
			if err != nil {
				return err
			}
			return b.lift(cmd.Context(), addresses, std, flags)
		},
	}
	flags.add(command)
	command.Flags().BoolVar(&flags.yes, "yes", false, "do not ask for confirmation")
	return command
}

func (flags *bansFlags) add(command *cobra.Command) {
	command.Flags().StringVar(&flags.env, "env", "", envUsage)
	command.Flags().BoolVar(&flags.json, "json", false, "print it as JSON")
}

// parseAddress reads the address whose ban is to be lifted, if one is given.
func parseAddress(cmd *cobra.Command, args []string) ([]netip.Addr, error) {
	if len(args) == 0 {
		return nil, nil
	}
	address, err := netip.ParseAddr(args[0])
	if err != nil || address.Zone() != "" || len(args) > 1 {
		return nil, exit.Fail(exit.Usage, cmd.CommandPath()+" takes one address, such as 203.0.113.7", "sidecar bans lists those that are banned")
	}
	return []netip.Addr{address}, nil
}

// bans are those of one project, and who can lift them.
type bans struct {
	api    supabase.API
	config config.Config
	report report.BansReport
}

// findBans finds the project of the environment's DSN and asks for its bans.
func findBans(ctx context.Context, std streams, flags bansFlags) (b bans, err error) {
	raw, c, err := findDSN(nil, flags.env, std)
	if err != nil {
		return b, err
	}
	b.config = c
	judged := dsn.Judge(raw, c.Rules(), time.Now())
	ref, err := projectOf(judged)
	if err != nil {
		return b, err
	}
	if !strings.HasPrefix(judged.DSN.KeySource(), "db/") {
		fmt.Fprintf(std.err, "sidecar: warning: the host in DATABASE_URL bans no address; the bans are those of db.%s.supabase.co\n", ref)
	}
	if b.api = (supabase.API{Base: c.SupabaseAPI, Token: c.SupabaseToken()}); b.api.Token.IsZero() {
		if !flags.json {
			fmt.Fprint(std.out, report.BansByHand(ref))
		}
		return b, exit.Fail(exit.Failure, "SUPABASE_ACCESS_TOKEN is not set, and Supabase tells nobody else",
			"make one at https://supabase.com/dashboard/account/tokens; or in the dashboard: Database settings, Network bans; or supabase network-bans")
	}
	banned, err := b.api.Bans(ctx, ref)
	b.report = report.NewBansReport(ref, banned)
	return b, err
}

// projectOf is the ref of a DSN, unless it is in doubt which project is meant.
func projectOf(judged dsn.Report) (string, error) {
	switch judged.Code {
	case dsn.ParseError, dsn.MultipleHosts, dsn.QueryOverridesAuthority, dsn.InvalidPoolerMode, dsn.ProdDSNInDev,
		dsn.SharedUserMissingRef, dsn.DedicatedHostRefMismatch, dsn.ProjectRefMismatch:
		first := judged.First()
		return "", exit.Fail(exit.Failure, "DATABASE_URL does not say whose bans are meant: "+first.Message, first.Hint)
	}
	if judged.DSN.ProjectRef == "" {
		return "", exit.Fail(exit.Failure, "DATABASE_URL leads to a host that is not Supabase's: there are no bans to ask for", "")
	}
	return judged.DSN.ProjectRef, nil
}

// lift lifts the ban of an address, or of our own, and tells the sidecar.
func (b bans) lift(ctx context.Context, addresses []netip.Addr, std streams, flags bansFlags) error {
	whose := "this machine's address"
	for _, address := range addresses {
		if whose = address.String(); !slices.Contains(b.report.Banned, address) {
			return exit.Fail(exit.Failure, whose+" is not banned", "sidecar bans lists the addresses that are")
		}
	}
	question := fmt.Sprintf("Lift the ban of %s at db.%s.supabase.co?", whose, b.report.ProjectRef)
	if err := confirm(std, flags.yes, question, "sidecar bans lift --yes"); err != nil {
		return err
	}
	if len(b.report.Banned) > 0 {
		if err := b.api.Lift(ctx, b.report.ProjectRef, addresses...); err != nil {
			return err
		}
		if err := b.relist(ctx, addresses, std); err != nil {
			return err
		}
	}
	banned := dsn.DSN{Host: "db." + b.report.ProjectRef + ".supabase.co", ProjectRef: b.report.ProjectRef}
	b.report.Next = tell(ctx, b.config, machine.Lift{Key: banned.Key(), At: time.Now().UTC()})
	return printReport(ctx, std, b.report, flags.json, exit.OK)
}

// relist looks what the lift has changed. A named ban that is back is a failure: the
// sidecar would only meet it again. Which address is our own nobody says; if it was not
// banned, the sidecar here is not banned either, and may try.
func (b *bans) relist(ctx context.Context, addresses []netip.Addr, std streams) error {
	banned, err := b.api.Bans(ctx, b.report.ProjectRef)
	switch {
	case err != nil:
		fmt.Fprintf(std.err, "sidecar: warning: the ban is lifted; whether it is back already cannot be seen: %s\n", err)
		return nil
	case len(addresses) > 0 && slices.Contains(banned, addresses[0]):
		return exit.Fail(exit.Failure, fmt.Sprintf("the ban of %s was lifted and is back already", addresses[0]),
			"something still retries a wrong password: stop it, then lift the ban again")
	}
	if b.report.Relist(banned); len(b.report.Lifted) == 0 {
		fmt.Fprintln(std.err, "sidecar: warning: Supabase has taken it, and the list is as before: it sees this machine at an address that was not banned, or the ban is back already")
	}
	return nil
}

// tell leaves word in the store that what the lifted ban has opened is over. It returns
// how the sidecar comes to know.
func tell(ctx context.Context, c config.Config, lifted machine.Lift) string {
	restart := "Restart the sidecar alone with SIDECAR_CLEAR_BEFORE=" + lifted.At.Format(time.RFC3339) + ", or let its window end at its own time."
	place, amend := c.StatePath(), func(ctx context.Context) (bool, error) {
		return store.NewFile(c.StatePath()).Amend(ctx, func(r *machine.Record) { r.Lifted = lifted })
	}
	if u := c.Redis(); u != nil {
		shared := store.OpenShared(store.NewRedis(u), lifted.Key)
		defer shared.Close()
		place, amend = shared.Address(), func(ctx context.Context) (bool, error) { return shared.Lift(ctx, lifted.At) }
	}
	if place == "" {
		return "The sidecar's window is in its memory, where no command reaches it. " + restart
	}
	ctx, cancel := context.WithTimeout(ctx, store.Patience)
	defer cancel()
	switch found, err := amend(ctx); {
	case err != nil:
		return "The store could not be told (" + err.Error() + "). " + restart
	case !found:
		return "Nothing is stored in " + place + ", so the sidecar does not keep its window there. " + restart
	}
	return "A running sidecar takes it up within seconds; another one at its start. A hold after a rejected password stays."
}
