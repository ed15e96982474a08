package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/realpeer"
)

// TestRunTerminal: on a terminal CMD can read, Ctrl-C ends it without the brake,
// and in a hold the terminal is run's again, so that Ctrl-C ends that.
func TestRunTerminal(t *testing.T) {
	t.Parallel()
	_, _, address := readySidecar(t)
	for name, c := range map[string]struct {
		script, conversation string
	}{
		"CMD":    {"echo name?; read name; echo hello $name; exec sleep 100", "name?\tAda\\n\nhello Ada\t\\x03\n"},
		"a hold": {"read now; exit 78", "the sidecar says ready\t\\n\nholding after a lockout\t\\x03\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := exec.Command(realpeer.Tool(t, "python3", "python3"), "testdata/terminal.py", os.Args[0], "run", "--jitter", "10ms", "--", "sh", "-c", c.script)
			command.Env = append([]string{beSidecar + "=1", "PATH=" + os.Getenv("PATH")}, address...)
			command.Stdin = strings.NewReader(c.conversation)
			command.WaitDelay = time.Second
			hang := time.AfterFunc(15*time.Second, func() { command.Process.Kill() })
			defer hang.Stop()
			out, err := command.CombinedOutput()
			if code := command.ProcessState.ExitCode(); code != 130 {
				t.Errorf("code %d, %v: %s", code, err, out)
			}
		})
	}
}
