package database

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/realpeer"
)

// TestRoots: a file that the DSN names and that cannot be used is a fault of the
// DSN before anything is dialled, and a judgement reads no file.
func TestRoots(t *testing.T) {
	file := filepath.Join(t.TempDir(), "roots.pem")
	raw := "postgresql://app:secret9@127.0.0.1:6432/app?sslmode=verify-full&sslrootcert=" + file
	for text, want := range map[string]dsn.Code{
		"":                            dsn.SSLRootCertUnreadable,
		"nothing":                     dsn.SSLRootCertUnreadable,
		string(realpeer.NewCA(t).PEM): dsn.Valid,
	} {
		os.Remove(file)
		if text != "" {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		db := New(raw, config.Config{Mode: "dev"})
		if db.Report.Code != want || string(db.Target.Fault) != db.Report.Misconfigured() || (db.Target.Fault == "invalid_dsn") == (want == dsn.Valid) {
			t.Errorf("%q: %s, %s", text, db.Report.Code, db.Target.Fault)
		}
		if first := db.Report.First(); first != nil && !strings.Contains(first.Message, file) {
			t.Errorf("%+v", first)
		}
		os.Remove(file)
		if again := db.Judge(time.Now()); again.Code != want {
			t.Errorf("%q: %s after the file has gone, before any probe", text, again.Code)
		}
		if db.Prober.ReadRoots(); db.Judge(time.Now()).Code != dsn.SSLRootCertUnreadable {
			t.Error("what a probe finds of the file is not seen")
		}
	}
	for _, free := range []string{strings.Replace(raw, "verify-full", "disable", 1), strings.Replace(raw, file, "system", 1), strings.TrimSuffix(raw, "&sslrootcert="+file)} {
		if db := New(free, config.Config{Mode: "dev"}); !db.Report.Valid() {
			t.Errorf("%s: %+v", free, db.Report.Findings)
		}
	}
}
