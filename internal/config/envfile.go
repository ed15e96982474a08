package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"dragonfly.internal/sidecar/internal/exit"
)

// ReadEnvFile takes DATABASE_URL from a file of KEY=VALUE lines, if there is one
// and it has it: optional quotes, comments, no expansion. Errors name file and
// line and repeat nothing of either.
func (c *Config) ReadEnvFile(name string) error {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the environment file: %w", err)
	}
	const mark = "\ufeff" // which editors on Windows begin a file with
	for i, line := range strings.Split(strings.TrimPrefix(string(text), mark), "\n") {
		key, value, found := strings.Cut(strings.TrimSpace(line), "=")
		key = strings.TrimSpace(strings.TrimPrefix(key, "export "))
		if !found || key != "DATABASE_URL" {
			continue
		}
		value = strings.TrimSpace(value)
		if value != "" && strings.ContainsRune("\"'", rune(value[0])) {
			quote := value[:1]
			inside, rest, closed := strings.Cut(value[1:], quote)
			if rest = strings.TrimSpace(rest); !closed || rest != "" && rest[0] != '#' {
				return exit.Fail(exit.Failure, fmt.Sprintf("%s, line %d: the quotes do not match", name, i+1), "")
			}
			value = inside
		} else {
			value, _, _ = strings.Cut(value, " #") // a comment; no DSN has a space in it
		}
		if value != "" {
			c.DatabaseURL, c.URLFile = value, ""
		}
	}
	return nil
}
