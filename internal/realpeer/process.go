package realpeer

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	startWithin = 30 * time.Second
	stopWithin  = 10 * time.Second
	tailLines   = 60
)

// process is a server that can be stopped and started again with the same
// command line, directory and log.
type process struct {
	name    string
	command []string
	dir     string
	logFile string
	last    syscall.Signal // ends it at once, its children included
	noise   string         // log lines with it are for the counters, not for people

	cmd  *exec.Cmd
	gone chan struct{} // closed once the process has been waited for
}

// start runs the command and waits until ready returns nil.
func (p *process) start(t testing.TB, ready func() error) {
	t.Helper()
	if p.running() {
		t.Fatalf("%s is already running", p.name)
	}
	if err := p.launch(); err != nil {
		t.Fatalf("start %s: %v", p.name, err)
	}
	Until(t, startWithin, p.name+" accepts a session", func() error {
		if !p.running() {
			t.Fatalf("%s ended at once: %v", p.name, p.cmd.ProcessState)
		}
		return ready()
	})
}

// launch starts the process from a goroutine that keeps its thread until the
// process has ended: the kernel ties the death signal to the thread, and Go
// ends idle threads when it likes.
func (p *process) launch() error {
	log, err := os.OpenFile(p.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	user, err := serverOwner()
	if err != nil {
		return err
	}

	p.cmd = exec.Command(p.command[0], p.command[1:]...)
	p.cmd.Dir = p.dir
	p.cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=" + os.Getenv("PATH")}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user.credential, Setpgid: true}
	dieWithUs(p.cmd.SysProcAttr, p.last)

	p.gone = make(chan struct{})
	started := make(chan error)
	go func(cmd *exec.Cmd, gone chan struct{}) {
		defer close(gone)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait() // how it ended is in cmd.ProcessState
		}
	}(p.cmd, p.gone)
	return <-started
}

func (p *process) running() bool {
	if p.gone == nil {
		return false
	}
	select {
	case <-p.gone:
		return false
	default:
		return true
	}
}

// signal sends sig, SIGSTOP and SIGCONT included.
func (p *process) signal(t testing.TB, sig os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("%v to %s: %v", sig, p.name, err)
	}
}

// stop sends sig and waits for the end.
func (p *process) stop(t testing.TB, sig os.Signal) {
	t.Helper()
	p.signal(t, sig)
	select {
	case <-p.gone:
	case <-time.After(stopWithin):
		t.Fatalf("%s still runs %v after %v", p.name, stopWithin, sig)
	}
}

// end is stop for a cleanup: whatever state the process is in, it is gone
// afterwards, and a failed test shows the end of its log.
func (p *process) end(t testing.TB) {
	if p.running() {
		p.cmd.Process.Signal(p.last)
		p.cmd.Process.Signal(syscall.SIGCONT) // it may be frozen
		select {
		case <-p.gone:
		case <-time.After(stopWithin):
			t.Errorf("%s still runs %v after %v: killed", p.name, stopWithin, p.last)
			p.cmd.Process.Kill()
			<-p.gone
		}
	}
	if t.Failed() {
		t.Logf("end of the log of %s:\n%s", p.name, strings.Join(p.tail(), "\n"))
	}
}

// log is what the process has written since its first start, by lines.
func (p *process) log() []string {
	content, err := os.ReadFile(p.logFile)
	if err != nil {
		return []string{err.Error()}
	}
	return strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
}

// tail is the end of the log for a person to read.
func (p *process) tail() []string {
	lines := slices.DeleteFunc(p.log(), func(line string) bool {
		return p.noise != "" && strings.Contains(line, p.noise)
	})
	return lines[max(0, len(lines)-tailLines):]
}

// count is the number of log lines that contain every part.
func (p *process) count(parts ...string) int {
	n := 0
next:
	for _, line := range p.log() {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue next
			}
		}
		n++
	}
	return n
}

// Until asks condition every few milliseconds until it returns nil, and fails
// the test with its last error when that takes longer than within. It is the
// one way to wait here: for something to be true, not for time to pass.
func Until(t testing.TB, within time.Duration, what string, condition func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(fmt.Errorf("waited %v until %s: %w", within, what, err))
		}
		time.Sleep(5 * time.Millisecond)
	}
}
