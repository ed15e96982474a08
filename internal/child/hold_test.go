//go:build !windows

package child

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// TestHold: what is kept comes back, whole and never longer than a hold may be.
func TestHold(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		later time.Duration // from keeping to reading, by the wall clock
		want  time.Duration // that remains then
	}{
		"at once":          {0, 15 * time.Minute},
		"later":            {10 * time.Minute, 5 * time.Minute},
		"over":             {16 * time.Minute, 0},
		"clock set back":   {-time.Hour, 15 * time.Minute},
		"clock far behind": {-100 * 24 * time.Hour, 15 * time.Minute},
	} {
		h := newHold(t.TempDir(), "http://sidecar:8080", "k", []string{"worker"})
		if err := h.save(now, now.Add(15*time.Minute)); err != nil {
			t.Fatal(err)
		}
		at := now.Add(c.later)
		until, err := h.load(at, 20*time.Minute)
		if c.want == 0 && (!until.IsZero() || err != nil) || c.want > 0 && until.Sub(at).Round(time.Second) != c.want {
			t.Errorf("%s: until %s, %v", name, until, err)
		}
		if c.want > time.Minute {
			if until, _ := h.load(at, time.Minute); until.Sub(at).Round(time.Second) != time.Minute {
				t.Errorf("%s: longer than a hold may be: %s", name, until.Sub(at))
			}
		}
	}
}

// TestHoldOf: a hold is of one CMD, sidecar and database.
func TestHoldOf(t *testing.T) {
	seen := make(map[string]bool)
	for _, h := range []hold{
		newHold("/x", "a", "k", []string{"w"}), newHold("/x", "b", "k", []string{"w"}), newHold("/x", "a", "l", []string{"w"}),
		newHold("/x", "a", "k", []string{"v"}), newHold("/x", "a", "k", []string{"w", "v"}), newHold("/x", "a", "k", []string{"w v"}),
	} {
		if seen[h.path] || filepath.Dir(h.path) != "/x" {
			t.Error(h.path)
		}
		seen[h.path] = true
	}
}

// TestHoldOfOthers: in a folder for all, a file that is not ours is not believed, and
// nobody waits for a pipe.
func TestHoldOfOthers(t *testing.T) {
	now := time.Now()
	fill := map[string]func(path string) error{
		"nothing": func(string) error { return nil },
		"torn":    func(path string) error { return os.WriteFile(path, []byte(`{"since":`), 0o600) },
		"pipe":    func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder":  func(path string) error { return os.Mkdir(path, 0o700) },
		"link": func(path string) error {
			if err := os.WriteFile(path+".else", []byte(`{"until":"2999-01-01T00:00:00Z"}`), 0o600); err != nil {
				return err
			}
			return os.Symlink(path+".else", path)
		},
	}
	if os.Geteuid() == 0 {
		fill["another's"] = func(path string) error {
			if err := os.WriteFile(path, []byte(`{"until":"2999-01-01T00:00:00Z"}`), 0o600); err != nil {
				return err
			}
			return os.Chown(path, 65534, 65534)
		}
	}
	for name, f := range fill {
		h := newHold(t.TempDir(), "", "", nil)
		if err := f(h.path); err != nil {
			t.Fatal(err)
		}
		until, err := h.load(now, time.Hour)
		if !until.IsZero() || (err == nil) != (name == "nothing") {
			t.Errorf("%s: until %s, %v", name, until, err)
		}
	}
	if err := (hold{"/no/such/folder/hold"}).save(now, now); err == nil {
		t.Error("kept nowhere")
	}
}

// TestWithoutOurs: CMD gets everything but what only the sidecar needs.
func TestWithoutOurs(t *testing.T) {
	got := withoutOurs([]string{
		"PATH=/bin", "SIDECAR_TOKEN=a", "SIDECAR_TOKEN_FILE=/b", "SIDECAR_METRICS_TOKEN=c", "SUPABASE_ACCESS_TOKEN=d",
		"SIDECAR_NOTIFY_URL=e", "SIDECAR_NOTIFY_SECRET=f", "SIDECAR_URL=http://x", "SIDECAR_TOKENS=g", "EMPTY=", "DATABASE_URL=h",
	})
	if want := []string{"PATH=/bin", "SIDECAR_URL=http://x", "SIDECAR_TOKENS=g", "EMPTY=", "DATABASE_URL=h"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}
