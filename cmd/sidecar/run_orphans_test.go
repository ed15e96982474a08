package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/realpeer"
)

// orphaning leaves ten processes without a parent, which end when GATE is there, and
// goes on itself.
const orphaning = `for i in 1 2 3 4 5 6 7 8 9 10; do sh -c 'until [ -e "$GATE" ]; do sleep 0.1; done &'; done; echo up; trap 'exit 6' TERM; sleep 100 & wait`

// TestRunReaps: what CMD leaves behind becomes run's own and is reaped, as PID 1
// and otherwise, and CMD's exit code is still found among all the ends.
func TestRunReaps(t *testing.T) {
	t.Parallel()
	_, _, address := readySidecar(t)
	for name, namespaces := range map[string]uintptr{"subreaper": 0, "PID 1": syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gate := filepath.Join(t.TempDir(), "open")
			r := &launched{t: t, dir: t.TempDir(), over: make(chan struct{})}
			r.command = exec.Command(os.Args[0], "run", "--jitter", "0", "--", "sh", "-c", orphaning)
			r.command.Env = append([]string{beSidecar + "=1", "PATH=" + os.Getenv("PATH"), "GATE=" + gate}, address...)
			r.command.Stdout, r.command.Stderr = &r.out, &r.says
			r.command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
			r.start()
			r.awaitWords(&r.out, "up", 10*time.Second)
			awaitChildren := func(what string, right func(running, dead int) bool) {
				realpeer.Until(t, 20*time.Second, what, func() error {
					if running, dead := childrenOf(t, r.command.Process.Pid); !right(running, dead) {
						return fmt.Errorf("%d children, %d of them not reaped", running+dead, dead)
					}
					return nil
				})
			}
			awaitChildren("the orphans are ours", func(running, _ int) bool { return running > 10 })
			put(t, gate, "", true)
			awaitChildren("all orphans are gone", func(running, dead int) bool { return running == 1 && dead == 0 })
			r.signal(syscall.SIGTERM)
			if code, _ := r.code(10 * time.Second); code != 6 {
				t.Errorf("code %d", code)
			}
		})
	}
}

// childrenOf counts a process's children, those that run and those that wait to
// be reaped.
func childrenOf(t *testing.T, pid int) (running, dead int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(files) == 0 {
		t.Fatalf("no processes in /proc: %v", err)
	}
	for _, file := range files {
		text, _ := os.ReadFile(file) // gone meanwhile
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest) // state, parent, ...
		switch {
		case len(fields) < 2 || fields[1] != fmt.Sprint(pid):
		case fields[0] == "Z":
			dead++
		default:
			running++
		}
	}
	return running, dead
}

// TestRunSweeps: what CMD leaves in its group is told to end before the hold: it
// could go on logging in.
func TestRunSweeps(t *testing.T) {
	t.Parallel()
	_, _, address := readySidecar(t)
	r := shell(t, address, "--jitter 0 --hold 1h", `sh -c 'trap "echo member told; exit" TERM; echo up; `+lingers+`' & sleep 0.5; exit 78`)
	r.awaitWords(&r.out, "up\nmember told\n", 10*time.Second)
	r.awaitWords(&r.says, " remaining; the sidecar says ready", 10*time.Second)
	r.signal(syscall.SIGTERM)
	if code, _ := r.code(10 * time.Second); code != 143 || len(r.starts()) != 1 {
		t.Errorf("code %d, %d starts", code, len(r.starts()))
	}
}
