package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"dragonfly.internal/sidecar/internal/exit"
)

// DSN is the DSN of the environment, or of DATABASE_URL_FILE. It is "" when
// neither is set.
func (c Config) DSN() (string, error) {
	if c.URLFile == "" {
		return c.DatabaseURL, nil
	}
	return readLine("DATABASE_URL_FILE", "the DSN", c.URLFile)
}

// readToken takes the token from its file, if that is where it is.
func (c *Config) readToken() error {
	if c.TokenFile == "" {
		return nil
	}
	token, err := readLine("SIDECAR_TOKEN_FILE", "the token", c.TokenFile)
	if err != nil {
		return exit.Fail(exit.Failure, err.Error(), "")
	}
	c.Token = token
	return nil
}

// readLine reads the one line of the file that a variable names. Errors repeat nothing
// of it.
func readLine(variable, what, path string) (string, error) {
	text, err := readRegular(path)
	line := strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	switch {
	case err != nil:
		if path, ok := errors.AsType[*fs.PathError](err); ok {
			err = path.Err // the path may be a password in the wrong place
		}
		return "", fmt.Errorf("%s: the file cannot be read: %w", variable, err)
	case line == "":
		return "", fmt.Errorf("%s: the file is empty", variable)
	case strings.ContainsAny(line, "\r\n"):
		return "", fmt.Errorf("%s: the file holds more than one line; want %s alone", variable, what)
	}
	return line, nil
}

// MaxInput bounds what is read from a file or standard input.
const MaxInput = 64 << 10

// readRegular reads a file that ends: not a pipe, which would keep everybody
// waiting.
func readRegular(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("it is no regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, MaxInput))
	return string(text), err
}
