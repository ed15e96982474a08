package main

import (
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
)

// TestSystemdHears: systemd hears that the pages answer while nothing is known of
// the database, then of the lockout and its end, then of the process's.
func TestSystemdHears(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	pooler := listen(t, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	s := startSidecar(t, "NOTIFY_SOCKET="+path, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"))
	heard := func(want string) {
		t.Helper()
		socket.SetReadDeadline(time.Now().Add(10 * time.Second))
		for pattern := regexp.MustCompile(`^` + want + `$`); ; {
			text := make([]byte, 4096)
			n, err := socket.Read(text)
			if err != nil {
				t.Fatalf("systemd does not hear %s: %v", want, err)
			}
			if pattern.Match(text[:n]) {
				return
			}
		}
	}
	heard("READY=1")
	heard(`STATUS=lockout \(circuit_breaker\): no connection attempts until \d\d:\d\d:\d\d UTC`)
	s.command.Process.Signal(syscall.SIGTERM)
	heard("STOPPING=1")
}

// TestSystemdUnits: systemd takes the units, and calls the sidecar's confined.
func TestSystemdUnits(t *testing.T) {
	t.Parallel()
	analyze := realpeer.Tool(t, "systemd-analyze", "systemd")
	for _, unit := range []string{"pooler-sidecar.service", "pooler-worker.service"} {
		file := "../../deploy/systemd/" + unit
		out, err := exec.Command(analyze, "verify", "--man=no", file).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			// The programs are not installed where the tests run.
			if strings.Contains(line, unit) && !strings.Contains(line, "is not executable: No such file or directory") {
				t.Errorf("%s", line)
			}
		}
		if err != nil && !strings.Contains(string(out), "is not executable") {
			t.Errorf("%s: %v\n%s", unit, err, out)
		}
	}
	out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=15", "../../deploy/systemd/pooler-sidecar.service").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out[strings.LastIndex(strings.TrimSpace(string(out)), "\n")+1:])
}
