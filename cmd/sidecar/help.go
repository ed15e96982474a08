package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
)

// newHelp explains a command. Cobra's own says of an unknown one no more than
// that, with exit code 0.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Explain a command",
		Example: "  sidecar help probe\n  sidecar help dsn build",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(about, rest[0])
			}
			about.InitDefaultHelpFlag() // so that the text lists --help
			return about.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) (fits []string, _ cobra.ShellCompDirective) {
			if about, rest, err := cmd.Root().Find(args); err == nil && len(rest) == 0 {
				for _, below := range about.Commands() {
					fits = append(fits, cobra.CompletionWithDesc(below.Name(), below.Short))
				}
			}
			return fits, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// shells are those for which completions can be written, each with its writer.
var shells = []struct {
	name  string
	write func(*cobra.Command, io.Writer) error
}{
	{"bash", func(root *cobra.Command, out io.Writer) error { return root.GenBashCompletionV2(out, true) }},
	{"zsh", (*cobra.Command).GenZshCompletion},
	{"fish", func(root *cobra.Command, out io.Writer) error { return root.GenFishCompletion(out, true) }},
	{"powershell", (*cobra.Command).GenPowerShellCompletionWithDesc},
}

func newCompletion(std streams) *cobra.Command {
	var names []string
	for _, shell := range shells {
		names = append(names, shell.name)
	}
	return &cobra.Command{
		Use:   "completion " + strings.Join(names, "|"),
		Short: "Print a script that completes commands and flags with Tab",
		Long: `Print a script that completes commands and flags with Tab.

The script asks this program what fits, and works as long as that is on the PATH
as sidecar. bash needs the package bash-completion.`,
		Example: "  source <(sidecar completion bash)\n" +
			"  sidecar completion zsh >\"${fpath[1]}/_sidecar\"\n" +
			"  sidecar completion fish >~/.config/fish/completions/sidecar.fish",
		ValidArgs: names,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && slices.Contains(names, args[0]) {
				return nil
			}
			var fits []string
			if len(args) == 1 {
				fits = near(names, args[0])
			}
			return exit.Fail(exit.Usage, fmt.Sprintf("%s wants one of %s", cmd.CommandPath(), strings.Join(names, ", ")), nearest(fits, cmd.CommandPath()))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, shell := range shells {
				if shell.name == args[0] {
					return shell.write(cmd.Root(), std.out)
				}
			}
			return nil // Args let no other through
		},
	}
}

// choices are the values of flags that have few.
var choices = map[string][]string{
	"env":  {string(dsn.Prod), string(dsn.Dev)},
	"mode": {string(dsn.ModeShared), string(dsn.ModeDedicated)},
}

// complete says what Tab offers for a command and those below: never file names,
// since a DSN is none.
func complete(command *cobra.Command) {
	command.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	for flag, values := range choices {
		if command.Flags().Lookup(flag) != nil {
			command.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // fails only for an unknown flag
		}
	}
	for _, below := range command.Commands() {
		complete(below)
	}
}
