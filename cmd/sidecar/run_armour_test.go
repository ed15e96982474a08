package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/realpeer"
)

// answering is a server in the place of the sidecar, always with the same answer.
func answering(t *testing.T, code int, body string) []string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return []string{"SIDECAR_URL=" + server.URL}
}

const saysReady = `{"ready":true,"state":"ready"}`

// TestRunHoldOutlivesIt: run that is killed in a hold and started anew goes on with the
// hold, as often as it happens; another CMD is not held.
func TestRunHoldOutlivesIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := append(answering(t, http.StatusOK, saysReady), "TMPDIR="+dir, "MARK="+dir+"/marks")
	marks := func() int {
		text, _ := os.ReadFile(dir + "/marks")
		return strings.Count(string(text), "x")
	}
	for i := range 3 {
		r := begin(t, env, "run --jitter 0 --", "sh", "-c", `printf x >>"$MARK"; exit 78`)
		r.awaitWords(&r.says, "holding after a lockout", 10*time.Second)
		r.signal(syscall.SIGKILL)
		r.code(10 * time.Second)
		if n := marks(); n != 1 {
			t.Fatalf("run %d: CMD was started %d times", i+1, n)
		}
	}
	r := begin(t, env, "run --jitter 0 --", "sh", "-c", `printf x >>"$MARK"`)
	if code, _ := r.code(10 * time.Second); code != 0 || marks() != 2 {
		t.Errorf("another CMD: code %d, %d starts", code, marks())
	}
	kept, err := filepath.Glob(dir + "/sidecar-hold-*.json")
	if err != nil || len(kept) != 1 {
		t.Fatalf("%v, %v", kept, err)
	}
	if err := os.Remove(kept[0]); err != nil {
		t.Fatal(err)
	}
	r = begin(t, env, "run --jitter 0 --on-lockout exit --", "sh", "-c", `printf x >>"$MARK"; exit 78`)
	if code, _ := r.code(10 * time.Second); code != 78 || marks() != 3 {
		t.Errorf("after the file was removed: code %d, %d starts", code, marks())
	}
}

// TestRunHoldBesideState: with a volume the hold lives there, and outlives the container.
func TestRunHoldBesideState(t *testing.T) {
	t.Parallel()
	volume := t.TempDir()
	env := append(answering(t, http.StatusOK, saysReady), "RAILWAY_VOLUME_MOUNT_PATH="+volume)
	r := begin(t, env, "run --jitter 0 --", "sh", "-c", "exit 78")
	r.awaitWords(&r.says, "holding after a lockout", 10*time.Second)
	if kept, err := filepath.Glob(volume + "/sidecar-hold-*.json"); err != nil || len(kept) != 1 {
		t.Errorf("%v, %v", kept, err)
	}
	env[1] = "RAILWAY_VOLUME_MOUNT_PATH=/proc"
	r = begin(t, env, "run --jitter 0 --", "sh", "-c", "exit 78")
	r.awaitWords(&r.says, "a restart of sidecar run would forget it", 10*time.Second)
}

// TestRunEndsWhatLeft: a part of CMD in a session of its own ends with CMD's lockout,
// one that does not listen as well.
func TestRunEndsWhatLeft(t *testing.T) {
	t.Parallel()
	for name, trap := range map[string]string{"listens": "", "does not": "trap '' TERM; "} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := shell(t, answering(t, http.StatusOK, saysReady), "--jitter 0",
				`setsid sh -c '`+trap+`echo $$ >"$DIR/left"; (while :; do sleep 0.05; done) & wait; while :; do sleep 0.05; done' & while ! [ -s "$DIR/left" ]; do sleep 0.02; done; exit 78`)
			r.awaitWords(&r.says, "holding after a lockout", 10*time.Second)
			text, err := os.ReadFile(r.dir + "/left")
			if err != nil {
				t.Fatal(err)
			}
			proc := "/proc/" + strings.TrimSpace(string(text))
			realpeer.Until(t, 20*time.Second, "what CMD left is gone", func() error {
				if _, err := os.Stat(proc); err == nil {
					return fmt.Errorf("%s goes on in the hold", proc)
				}
				return nil
			})
		})
	}
}

// TestRunKeepsItsSecrets: CMD has no token of the sidecar's in its environment.
func TestRunKeepsItsSecrets(t *testing.T) {
	t.Parallel()
	env := append(answering(t, http.StatusOK, saysReady), "SIDECAR_TOKEN=tok-one", "SIDECAR_METRICS_TOKEN=tok-two", "SUPABASE_ACCESS_TOKEN=tok-three",
		"SIDECAR_NOTIFY_URL=http://tok-four", "SIDECAR_NOTIFY_SECRET=tok-five", "OTHER=stays")
	r := begin(t, env, "run --jitter 0 --", "env")
	if code, _ := r.code(10 * time.Second); code != 0 || strings.Contains(r.out.String(), "tok-") || !strings.Contains(r.out.String(), "OTHER=stays") {
		t.Errorf("code %d, environment:\n%s", code, &r.out)
	}
}

// TestRunDoubts: no start on an answer that contradicts itself, and nothing in one that
// a terminal would obey reaches it.
func TestRunDoubts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code int
		body string
	}{
		"503 and ready":     {503, saysReady},
		"ready in lockout":  {200, `{"ready":true,"state":"lockout","retry_in_seconds":60}`},
		"200 and not ready": {200, `{"ready":false,"state":"lockout"}`},
		"a page":            {200, "<html>ready</html>"},
		"control":           {503, `{"ready":false,"state":"retrying","message":"\u001b[2J\u001b]0;pwn\u0007\nsidecar: forged"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := begin(t, answering(t, c.code, c.body), "run --jitter 0 --", "echo", "STARTED")
			r.awaitWords(&r.says, "waiting: ", 10*time.Second)
			r.signal(syscall.SIGTERM)
			if code, _ := r.code(10 * time.Second); code != 143 || strings.Contains(r.out.String(), "STARTED") {
				t.Errorf("code %d, stdout %q", code, r.out.String())
			}
			if says := r.says.String(); strings.ContainsAny(says, "\x1b\x07") || strings.Contains(says, "\nsidecar: forged") {
				t.Errorf("%q", says)
			}
		})
	}
}

// TestWaitTellsSilenceApart: a sidecar that hangs is told from one that is not there.
func TestWaitTellsSilenceApart(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(server.Close)
	for url, words := range map[string]string{server.URL: "though connections are taken there", "http://127.0.0.1:1": "no sidecar answers at http://127.0.0.1:1"} {
		command := exec.Command(os.Args[0], "wait", "--timeout", "100ms")
		command.Env = []string{beSidecar + "=1", "SIDECAR_URL=" + url}
		out, err := command.CombinedOutput()
		if err == nil || !strings.Contains(string(out), words) {
			t.Errorf("%s: %v, %s", url, err, fmt.Sprintf("%q", out))
		}
	}
}
