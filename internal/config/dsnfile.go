package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// DSN is the DSN of the environment, or of DATABASE_URL_FILE. It is "" when
// neither is set.
func (c Config) DSN() (string, error) {
	if c.URLFile == "" {
		return c.DatabaseURL, nil
	}
	text, err := readRegular(c.URLFile)
	line := strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	switch {
	case err != nil:
		if path, ok := errors.AsType[*fs.PathError](err); ok {
			err = path.Err // the path may be a password in the wrong place
		}
		return "", fmt.Errorf("DATABASE_URL_FILE: the file cannot be read: %w", err)
	case line == "":
		return "", errors.New("DATABASE_URL_FILE: the file is empty")
	case strings.ContainsAny(line, "\r\n"):
		return "", errors.New("DATABASE_URL_FILE: the file holds more than one line; want the DSN alone")
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
