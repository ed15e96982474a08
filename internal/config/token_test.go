package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTokenFile: the token of a file is the token; what cannot be one is refused without
// a word of it.
func TestTokenFile(t *testing.T) {
	for text, want := range map[string]string{
		"open-sesame":         "open-sesame",
		" open-sesame \r\n":   "open-sesame",
		"\ufeffopen-sesame\n": "open-sesame",
		"":                    "SIDECAR_TOKEN_FILE: the file is empty",
		"\n":                  "SIDECAR_TOKEN_FILE: the file is empty",
		"secret-1\nsecret-2":  "SIDECAR_TOKEN_FILE: the file holds more than one line; want the token alone",
	} {
		path := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("SIDECAR_TOKEN_FILE", path)
		t.Setenv("SIDECAR_METRICS_TOKEN", "other")
		c, err := Load()
		got := c.SidecarToken().Reveal()
		if err != nil {
			got = err.Error()
		}
		if got != want || strings.Contains(got, "secret") || c.MetricsToken().Reveal() != "other" {
			t.Errorf("%q: %q", text, got)
		}
	}
	t.Setenv("SIDECAR_TOKEN_FILE", "/dev/zero")
	if _, err := Load(); err == nil {
		t.Error("a token from a device")
	}
}
