package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// beSidecar makes the test binary the sidecar itself, for the tests that start
// it as a process of its own.
const beSidecar = "TEST_BINARY_IS_SIDECAR"

func TestMain(m *testing.M) {
	if os.Getenv(beSidecar) != "" {
		if most, err := strconv.ParseUint(os.Getenv(limited), 10, 64); err == nil {
			syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: most, Max: most})
		}
		main()
	}
	testscript.Main(realpeer.SideBySide(m), map[string]func(){"sidecar": main})
}

// limited is how many descriptors that sidecar may have, if it is set.
const limited = "TEST_DESCRIPTORS"

// sidecar is a running "sidecar serve".
type sidecar struct {
	t       testing.TB
	command *exec.Cmd
	url     string

	mu  sync.Mutex
	log bytes.Buffer
	end chan struct{} // closed when stdout is
}

// startSidecar starts one with nothing but the given environment, on a port that
// the system chooses, and waits until it says which.
func startSidecar(t testing.TB, env ...string) *sidecar {
	t.Helper()
	return startAs(t, nil, env...)
}

// startAs is startSidecar for another user, if one is given.
func startAs(t testing.TB, user *syscall.Credential, env ...string) *sidecar {
	t.Helper()
	// Whoever it is can run the file that runs now, also in a folder of another's.
	return startProgram(t, "/proc/self/exe", user, env...)
}

// startProgram is startAs for any binary of the sidecar.
func startProgram(t testing.TB, path string, user *syscall.Credential, env ...string) *sidecar {
	t.Helper()
	s := &sidecar{t: t, command: exec.Command(path, "serve"), end: make(chan struct{})}
	s.command.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	s.command.Env = append([]string{beSidecar + "=1", "PORT=0"}, env...)
	s.command.Stderr = os.Stderr
	stdout, err := s.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	address := make(chan string, 1)
	go s.read(stdout, address)
	select {
	case a := <-address:
		s.url = "http://127.0.0.1:" + a[strings.LastIndex(a, ":")+1:]
	case <-s.end:
		t.Fatal("the sidecar ended before it listened")
	}
	t.Cleanup(func() {
		s.command.Process.Kill()
		s.command.Wait()
		if t.Failed() {
			t.Logf("the sidecar's log:\n%s", s.lines())
		}
	})
	return s
}

// read keeps the log and passes on the address of its first line.
func (s *sidecar) read(stdout io.Reader, address chan<- string) {
	defer close(s.end)
	for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
		s.mu.Lock()
		s.log.Write(append(scanner.Bytes(), '\n'))
		s.mu.Unlock()
		var line struct{ Message, Address string }
		if json.Unmarshal(scanner.Bytes(), &line) == nil && line.Message == "listening" {
			address <- line.Address
		}
	}
}

// lines is the log so far.
func (s *sidecar) lines() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// linesWith are the log lines that have the text.
func (s *sidecar) linesWith(text string) (lines []string) {
	for line := range strings.Lines(s.lines()) {
		if strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}

// awaitLine waits for a log line with the text.
func (s *sidecar) awaitLine(text string) {
	s.t.Helper()
	realpeer.Until(s.t, 10*time.Second, "log line "+text, func() error {
		if len(s.linesWith(text)) == 0 {
			return errors.New("not there yet")
		}
		return nil
	})
}

// runJSON runs a command line of the sidecar with nothing but the given
// environment, decodes what it prints and returns its exit code.
func runJSON(t *testing.T, into any, line string, env ...string) int {
	t.Helper()
	command := exec.Command(os.Args[0], strings.Fields(line)...)
	command.Env = append([]string{beSidecar + "=1"}, env...)
	out, _ := command.Output()
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
	return command.ProcessState.ExitCode()
}

// get asks a path and returns the status code, the header and the body.
func (s *sidecar) get(path string) (int, http.Header, []byte) {
	s.t.Helper()
	response, err := http.Get(s.url + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, response.Header, body
}

// status asks /status.
func (s *sidecar) status() (status health.Status) {
	s.t.Helper()
	_, _, body := s.get("/status")
	if err := json.Unmarshal(body, &status); err != nil {
		s.t.Fatalf("%v in %s", err, body)
	}
	return status
}

// await polls until the sidecar is in the state and returns its status then.
func (s *sidecar) await(state machine.State, within time.Duration) (status health.Status) {
	s.t.Helper()
	realpeer.Until(s.t, within, "state "+string(state), func() error {
		if status = s.status(); status.State != string(state) {
			return errors.New("state " + status.State + ", reason " + status.Reason)
		}
		return nil
	})
	return status
}

// awaitReadiness is await by /readyz, which wants no token.
func (s *sidecar) awaitReadiness(state machine.State, within time.Duration) {
	s.t.Helper()
	realpeer.Until(s.t, within, "state "+string(state), func() error {
		if ready, err := (health.Client{URL: s.url}).Readiness(s.t.Context()); err != nil || ready.State != string(state) {
			return errors.New("state " + ready.State + ", reason " + ready.Reason)
		}
		return nil
	})
}

// stop ends the sidecar as a platform does and returns its exit code.
func (s *sidecar) stop() int {
	s.t.Helper()
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	<-s.end
	s.command.Wait()
	return s.command.ProcessState.ExitCode()
}
