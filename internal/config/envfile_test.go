package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadEnvFile: what people and their tools write into .env.prod is read, and
// what can be read in two ways is refused without a word of it.
func TestReadEnvFile(t *testing.T) {
	const before, dsn = "postgresql://app:from-environment@h/db", "postgresql://app:secret22@h/db?a=b#c"
	for text, want := range map[string]string{
		"":                                       before,
		"OTHER=1\n":                              before,
		"DATABASE_URL=\n":                        before,
		"# DATABASE_URL=" + dsn:                  before,
		"MY_DATABASE_URL=" + dsn:                 before,
		"DATABASE_URL=" + dsn:                    dsn,
		"export DATABASE_URL=" + dsn + "\n":      dsn,
		"  DATABASE_URL = " + dsn + "  \r\nB=2":  dsn,
		"\ufeffDATABASE_URL=" + dsn:              dsn,
		`DATABASE_URL="` + dsn + `" # ours`:      dsn,
		`DATABASE_URL='` + dsn + `'`:             dsn,
		"DATABASE_URL=" + dsn + " # production":  dsn,
		"DATABASE_URL=x\nDATABASE_URL=" + dsn:    dsn,
		"DATABASE_URL=$HOME/" + dsn:              "$HOME/" + dsn, // no expansion
		"A=1\nDATABASE_URL=\"" + dsn + "\nB=2\n": "line 2: the quotes do not match",
		`DATABASE_URL='` + dsn + `'x`:            "line 1: the quotes do not match",
	} {
		name := filepath.Join(t.TempDir(), ".env.prod")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c := Config{DatabaseURL: before}
		lacks, err := c.ReadEnvFile(name)
		if (lacks == "") != (err != nil || c.DatabaseURL != before) || strings.Contains(lacks, "secret") {
			t.Errorf("%q lacks %q", text, lacks)
		}
		if got := c.DatabaseURL; err != nil {
			if got = err.Error(); !strings.HasSuffix(got, want) || strings.Contains(got, "secret") {
				t.Errorf("%q: %s", text, got)
			}
		} else if got != want {
			t.Errorf("%q gives %q", text, got)
		}
	}
	c := Config{DatabaseURL: before}
	if lacks, err := c.ReadEnvFile(filepath.Join(t.TempDir(), ".env.dev")); err != nil || c.DatabaseURL != before || !strings.HasSuffix(lacks, ".env.dev here") {
		t.Errorf("without the file: %v, %q, %q", err, c.DatabaseURL, lacks)
	}
}

// TestOtherLines: a line for another reader is named, for it is the one that the
// author sees.
func TestOtherLines(t *testing.T) {
	for line, named := range map[string]bool{
		`$env:DATABASE_URL="postgresql://app:secret22@h/db"`:   true,
		`$Env:DATABASE_URL = 'postgresql://app:secret22@h/db'`: true,
		`set DATABASE_URL=postgresql://app:secret22@h/db`:      true,
		`DATABASE_URL: postgresql://app:secret22@h/db`:         true,
		`  - DATABASE_URL=postgresql://app:secret22@h/db`:      true,
		`"DATABASE_URL": "postgresql://app:secret22@h/db"`:     true,
		`MY_DATABASE_URL=postgresql://app:secret22@h/db`:       false,
		`# DATABASE_URL=postgresql://app:secret22@h/db`:        false,
	} {
		name := filepath.Join(t.TempDir(), ".env.prod")
		if err := os.WriteFile(name, []byte("A=1\n"+line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var c Config
		lacks, err := c.ReadEnvFile(name)
		if err != nil || c.DatabaseURL != "" || strings.Contains(lacks, "secret") ||
			!strings.Contains(lacks, ".env.prod has no line DATABASE_URL=...") || strings.Contains(lacks, "line 2") != named {
			t.Errorf("%s: %q, %v", line, lacks, err)
		}
	}
}
