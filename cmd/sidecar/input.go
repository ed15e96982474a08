package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/database"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
)

// databaseFor finds and judges the DSN of a command that may dial it. With env
// the DSN comes from .env.prod or .env.dev, where there is such a file.
func databaseFor(args []string, env string, std streams) (config.Config, database.Database, error) {
	if len(args) == 0 && !isTerminal(std.in) {
		return databaseAsking(args, env, std, asItIs)
	}
	return databaseAsking(args, env, std, withPassword)
}

// databaseAsking is databaseFor; ask completes a DSN that came without a password.
func databaseAsking(args []string, env string, std streams, ask func(string, config.Config, streams) (string, error)) (config.Config, database.Database, error) {
	raw, c, err := findDSN(args, env, std)
	if err == nil {
		raw, err = ask(raw, c, std)
	}
	if err != nil {
		return c, database.Database{}, err
	}
	return c, database.New(raw, c), nil
}

// noDSN says that there is nothing to look at.
const noDSN = "no DSN given"

// findDSN is the DSN and the environment's configuration. With env, and without a
// DSN as an argument, the DSN is that of the environment's file, where there is
// one and it has it.
func findDSN(args []string, env string, std streams) (string, config.Config, error) {
	c, err := config.LoadFor(env)
	hint := "set DATABASE_URL, or give the DSN as an argument"
	if err == nil && env != "" && len(args) == 0 {
		var lacks string
		if lacks, err = c.ReadEnvFile(".env." + string(c.Mode)); lacks != "" {
			hint = lacks + "; write it there, or " + hint
		}
	}
	if err != nil {
		return "", c, err
	}
	raw, err := dsnFrom(args, c, std)
	if err == nil && raw == "" {
		err = exit.Fail(exit.Failure, noDSN, hint)
	}
	return raw, c, err
}

// dsnFrom finds the DSN: the argument, standard input, or the environment's; "" is
// none.
func dsnFrom(args []string, c config.Config, std streams) (string, error) {
	switch {
	case len(args) == 0:
		return c.DSN()
	case args[0] == "":
		return "", nil
	case args[0] == "-":
		text, err := allOf(std.in, "DSN")
		return strings.TrimRight(text, "\r\n"), err // more than a line is for the judge
	}
	if dsn.Judge(args[0], c.Rules(), time.Now()).DSN.Encoding != dsn.Missing {
		fmt.Fprintln(std.err, "sidecar: warning: the DSN on the command line carries a password, which ps and the shell history show; use DATABASE_URL or -")
	}
	return args[0], nil
}

// withPassword asks for the password of a DSN that came without one.
func withPassword(raw string, c config.Config, std streams) (string, error) {
	if d := dsn.Judge(raw, c.Rules(), time.Now()).DSN; d.Host == "" || d.Encoding != dsn.Missing {
		return raw, nil
	}
	if !isTerminal(std.in) {
		return "", exit.Fail(exit.Failure, "the DSN has no password, and there is no terminal to ask for it", "set DATABASE_URL, or give the whole DSN on standard input with -")
	}
	password, err := readPassword(std)
	if err != nil {
		return "", err
	}
	return dsn.WithPassword(raw, password)
}

// asItIs leaves a DSN without a password to the report, which says what is missing.
func asItIs(raw string, _ config.Config, _ streams) (string, error) { return raw, nil }

// withoutPassword puts a word in the place of a password that nobody will send.
func withoutPassword(raw string, c config.Config, _ streams) (string, error) {
	if d := dsn.Judge(raw, c.Rules(), time.Now()).DSN; d.Host == "" || d.Encoding != dsn.Missing {
		return raw, nil
	}
	return dsn.WithPassword(raw, dsn.NewSecret("none"))
}

// allOf reads standard input.
func allOf(in io.Reader, what string) (string, error) {
	text, err := io.ReadAll(io.LimitReader(in, config.MaxInput))
	if err != nil {
		return "", fmt.Errorf("read the %s from standard input: %w", what, err)
	}
	if strings.Trim(string(text), "\r\n") == "" {
		return "", exit.Fail(exit.Failure, "no "+what+" on standard input", "")
	}
	return string(text), nil
}

// oneLine reads a text of one line from standard input, without its line break.
func oneLine(in io.Reader, what string) (string, error) {
	text, err := allOf(in, what)
	line, rest, _ := strings.Cut(text, "\n")
	switch line = strings.TrimSuffix(line, "\r"); {
	case err != nil:
		return "", err
	case line == "":
		return "", exit.Fail(exit.Failure, "no "+what+" on standard input", "")
	case strings.TrimSpace(rest) != "":
		return "", exit.Fail(exit.Failure, "standard input holds more than one line", "give the "+what+" alone")
	}
	return line, nil
}

// readNewPassword is readPassword for a password that is going to be saved: at the
// terminal, where nobody sees a slip, it is asked for twice.
func readNewPassword(std streams) (dsn.Secret, error) {
	password, err := readPassword(std)
	if err != nil || !isTerminal(std.in) {
		return password, err
	}
	again, err := promptPassword(std, "The same password again (not shown): ")
	if err == nil && !again.Equal(password) {
		err = exit.Fail(exit.Failure, "the two passwords differ", "type it again; nothing was printed")
	}
	return password, err
}

// readPassword asks for a password without showing it when a person sits at the
// terminal, else reads it from standard input. No flag takes one: ps and the
// shell's history would show it.
func readPassword(std streams) (dsn.Secret, error) {
	if isTerminal(std.in) {
		return promptPassword(std, "Password (not shown): ")
	}
	line, err := oneLine(std.in, "password")
	return dsn.NewSecret(line), err
}

// promptPassword asks at the terminal.
func promptPassword(std streams, prompt string) (dsn.Secret, error) {
	fmt.Fprint(std.err, prompt)
	text, err := term.ReadPassword(int(std.in.(*os.File).Fd()))
	fmt.Fprintln(std.err)
	if err != nil {
		return dsn.Secret{}, fmt.Errorf("read the password: %w", err)
	}
	if len(text) == 0 {
		return dsn.Secret{}, exit.Fail(exit.Failure, "no password given", "")
	}
	return dsn.NewSecret(string(text)), nil
}

// warnPlaceholder says what no DSN with this password would be let through for.
func warnPlaceholder(std streams, password dsn.Secret, supabase bool) {
	if dsn.IsPlaceholder(password, supabase) {
		fmt.Fprintln(std.err, "sidecar: warning: this is a placeholder, a mask or a variable, not a password that somebody chose: every command refuses a DSN with it")
	}
}

// envUsage explains --env wherever there is a DSN to be found.
const envUsage = "judge for prod or dev, and read .env.prod or .env.dev"

// confirm asks before something is changed, unless yes was said on the command line.
func confirm(std streams, yes bool, question, hint string) error {
	if yes {
		return nil
	}
	if !isTerminal(std.in) {
		return exit.Fail(exit.Failure, "this wants a confirmation, and there is no terminal to ask for it", hint)
	}
	fmt.Fprint(std.err, question+" [y/N] ")
	answer, _ := bufio.NewReader(std.in).ReadString('\n')
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return exit.Fail(exit.Failure, "nothing was changed", "")
	}
	return nil
}
