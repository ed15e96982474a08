package probe

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestRootsGoAway: a file of certificates that cannot be read any more, or holds
// none, ends nothing that has read it; who never has dials nothing.
func TestRootsGoAway(t *testing.T) {
	secure := serverTLS(t)
	pooler, err := poolersim.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer pooler.Close()
	pooler.Set(poolersim.Script{TLS: secure})
	file := filepath.Join(t.TempDir(), "roots.pem")
	write := func(text []byte) {
		t.Helper()
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	right := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificates[0].Certificate[0]})
	other := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: poolersim.SelfSigned("pooler.railway.internal").Certificate[0]})
	for _, sslmode := range []string{"require", "verify-ca", "verify-full"} { // beside a file require verifies, too
		raw := strings.Replace(ownPooler, "require", sslmode+"&sslrootcert="+file, 1)
		judged := judge(t, raw)
		prober := func() *Prober {
			return New(judged, dsn.NewScrubber(raw, judged), Options{Lookup: addresses(pooler.Addr())})
		}
		p := prober()
		for _, step := range []struct {
			does   func()
			reason machine.Reason
			fault  string
		}{
			{func() { write(right) }, machine.ReasonOK, ""},
			{func() { os.Remove(file) }, machine.ReasonOK, "no such file"},
			{func() { write([]byte("nothing")) }, machine.ReasonOK, "holds no certificate"},
			{func() { write(other) }, machine.ReasonTLS, ""},
			{func() { write(right) }, machine.ReasonOK, ""},
		} {
			step.does()
			o := p.Probe(t.Context(), permit(t, judged))
			fault := p.RootsFault()
			if o.Reason != step.reason || (fault == nil) != (step.fault == "") || fault != nil && !strings.Contains(fault.Error(), step.fault) {
				t.Errorf("%s: %s: %s; %v, want %s and %q", sslmode, o.Reason, o.Message, fault, step.reason, step.fault)
			}
		}
		os.Remove(file)
		before := pooler.Counts().Sockets
		if o := prober().Probe(t.Context(), permit(t, judged)); o.Reason != machine.ReasonConfigRejected || pooler.Counts().Sockets != before {
			t.Errorf("%s: without the file: %+v", sslmode, o)
		}
	}
}

// TestReadRoots: what is no file of certificates is told so, and waited for by
// nobody.
func TestReadRoots(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(dir, "missing.pem"): "no such file",
		dir:                               "no regular file",
		"/dev/zero":                       "no regular file",
		"roots_test.go":                   "holds no certificate",
	} {
		if pool, err := readRoots(path); err == nil || pool != nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
