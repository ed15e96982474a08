package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"dragonfly.internal/sidecar/internal/exit"
)

// ReadEnvFile takes DATABASE_URL from a file of KEY=VALUE lines, if there is one
// and it has it: optional quotes, comments, no expansion. Otherwise lacks says what
// is missing, and names the file. Errors name file and line; nothing repeats what
// stands there.
func (c *Config) ReadEnvFile(name string) (lacks string, err error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "there is no file " + name + " here", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the environment file: %w", err)
	}
	lacks = name + " has no line DATABASE_URL=..."
	const mark = "\ufeff" // which editors on Windows begin a file with
	for i, line := range strings.Split(strings.TrimPrefix(string(text), mark), "\n") {
		key, value, found := strings.Cut(strings.TrimSpace(line), "=")
		key = strings.TrimSpace(strings.TrimPrefix(key, "export "))
		if !found || key != "DATABASE_URL" {
			if otherLine.MatchString(line) {
				lacks = fmt.Sprintf("%s has no line DATABASE_URL=... (line %d writes it in another way)", name, i+1)
			}
			continue
		}
		value = strings.TrimSpace(value)
		if value != "" && strings.ContainsRune("\"'", rune(value[0])) {
			quote := value[:1]
			inside, rest, closed := strings.Cut(value[1:], quote)
			if rest = strings.TrimSpace(rest); !closed || rest != "" && rest[0] != '#' {
				return "", exit.Fail(exit.Failure, fmt.Sprintf("%s, line %d: the quotes do not match", name, i+1), "")
			}
			value = inside
		} else {
			value, _, _ = strings.Cut(value, " #") // a comment; no DSN has a space in it
		}
		if value != "" {
			c.DatabaseURL, c.URLFile, lacks = value, "", ""
		}
	}
	return lacks, nil
}

// otherLine is a line that sets DATABASE_URL for another reader than of KEY=VALUE:
// PowerShell, YAML, a Dockerfile.
var otherLine = regexp.MustCompile(`(?i)^\s*(?:\$env:|setx?\s+|env\s+|-e\s+|-\s*)?"?DATABASE_URL\b"?\s*[=:]?`)
