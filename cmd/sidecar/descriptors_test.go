package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dragonfly.internal/sidecar/internal/health"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// limitDescriptors sets how many descriptors a running process may have.
func limitDescriptors(t *testing.T, pid int, most uint64) {
	t.Helper()
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: most, Max: 1024}, nil); err != nil {
		t.Fatal(err)
	}
}

// TestFewDescriptors: one client that takes every connection it can get neither
// silences /health nor makes a probe fail, and the store stays writable.
func TestFewDescriptors(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{})
	s := startAs(t, nil, limited+"=64", "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_PROBE_INTERVAL=50ms",
		"SIDECAR_STATE=file:"+t.TempDir()+"/state.json")
	s.await(machine.Ready, 10*time.Second)
	for range 200 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	before := pooler.Counts().Startups
	realpeer.Until(t, 20*time.Second, "ten more probes", func() error {
		if n := pooler.Counts().Startups; n < before+10 {
			return fmt.Errorf("%d probes, %d before", n, before)
		}
		return nil
	})
	if code, _, body := s.get("/health"); code != http.StatusOK {
		t.Errorf("/health: %d %s", code, body)
	}
	if status := s.status(); !status.Ready || status.LocalFault != nil || !status.Store.Healthy || status.Failures != 0 {
		t.Errorf("%+v", status)
	}
	if open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.command.Process.Pid)); err != nil || len(open) > 60 {
		t.Errorf("%d descriptors are open, %v", len(open), err)
	}
}

// TestFewDescriptorsForApps: the same with apps that take every connection of the proxy.
func TestFewDescriptorsForApps(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{})
	s := startAs(t, nil, limited+"=64", "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_PROBE_INTERVAL=50ms", "SIDECAR_PROXY_PORT=0")
	s.await(machine.Ready, 10*time.Second)
	address := s.proxyAddress()
	for range 200 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "\x00\x00\x00\x08\x04\xd2\x16\x2f")
	}
	attempts := s.status().Logins.Total
	realpeer.Until(t, 20*time.Second, "ten more probes", func() error {
		if n := s.status().Logins.Total; n < attempts+10 {
			return fmt.Errorf("%d logins, %d before", n, attempts)
		}
		return nil
	})
	if status := s.status(); !status.Ready || status.LocalFault != nil || status.Failures != 0 {
		t.Errorf("%+v", status)
	}
	if open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.command.Process.Pid)); err != nil || len(open) > 60 {
		t.Errorf("%d descriptors are open, %v", len(open), err)
	}
}

// TestNoDescriptors: probes that find no descriptor say nothing of the database; once
// there are some again, all is as before.
func TestNoDescriptors(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{})
	s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_PROBE_INTERVAL=50ms", "SIDECAR_RETRY_MIN=50ms", "SIDECAR_RETRY_MAX=50ms")
	s.await(machine.Ready, 10*time.Second)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	ask := func() (status health.Status) { // on a connection that is open already
		t.Helper()
		fmt.Fprint(conn, "GET /status HTTP/1.1\r\nHost: x\r\n\r\n")
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if err := json.NewDecoder(response.Body).Decode(&status); err != nil {
			t.Fatal(err)
		}
		return status
	}
	ask()
	limitDescriptors(t, s.command.Process.Pid, 3)
	realpeer.Until(t, 20*time.Second, "faults of our own", func() error {
		status := ask()
		if !status.Ready || status.Failures != 0 {
			t.Fatalf("the verdict has changed: %+v", status)
		}
		if status.LocalFault == nil || status.LocalFault.Count < 3 || status.LocalFault.Message != "too many open files" {
			return fmt.Errorf("%+v", status.LocalFault)
		}
		return nil
	})
	limitDescriptors(t, s.command.Process.Pid, 1024)
	last := ask().LastAttempt.At
	realpeer.Until(t, 20*time.Second, "a probe", func() error {
		if at := ask().LastAttempt.At; !at.After(last) {
			return fmt.Errorf("the last is of %s", at)
		}
		return nil
	})
	_, _, metrics := s.get("/metrics")
	if !strings.Contains(string(metrics), "\npooler_local_faults_total ") || strings.Contains(string(metrics), "\npooler_local_faults_total 0\n") || len(s.linesWith("a fault of our own")) == 0 {
		t.Errorf("%s\n%s", metrics, s.lines())
	}
}
