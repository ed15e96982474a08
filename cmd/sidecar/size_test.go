package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// What the binary may weigh, and a sidecar that is ready and only asked for its
// readiness, in KiB: all that is mapped, most of which is the binary itself, and what is
// its own (docs/design.md#size).
const (
	mostBytes    = 14_000_000
	mostResident = 12 << 10
	mostOwn      = 4 << 10
)

// TestSize builds the binary as it is shipped and weighs it, on the disk and in memory.
func TestSize(t *testing.T) {
	design, err := os.ReadFile("../../docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []string{
		fmt.Sprintf("at most %d are allowed;", mostBytes/1_000_000),
		fmt.Sprintf("resident, at most %d;", mostResident>>10), fmt.Sprintf("its own memory, at most %d.", mostOwn>>10),
	} {
		if !strings.Contains(strings.Join(strings.Fields(string(design)), " "), limit) {
			t.Errorf("docs/design.md does not say %q", limit)
		}
	}
	path := filepath.Join(t.TempDir(), "sidecar")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "nethttpomithttp2", "-ldflags", "-s -w", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the stripped binary has %d bytes, at most %d are allowed", info.Size(), mostBytes)
	if info.Size() > mostBytes {
		t.Error("the binary is too large")
	}

	pooler := listen(t, poolersim.Script{Auth: poolersim.SCRAM, Password: "right-horse-7"})
	s := startProgram(t, path, nil, "DATABASE_URL="+pooler.DSN("app", "right-horse-7", "app"))
	s.await(machine.Ready, 20*time.Second)
	for range 30 {
		s.get("/readyz")
	}
	if runtime.GOOS != "linux" {
		return // only Linux says how much memory is resident
	}
	for name, most := range map[string]int{"VmRSS:": mostResident, "RssAnon:": mostOwn} {
		kib := memory(t, s.command.Process.Pid, name)
		for end := time.Now().Add(20 * time.Second); kib > most && time.Now().Before(end); <-time.After(100 * time.Millisecond) {
			kib = memory(t, s.command.Process.Pid, name) // what the start alone needed is given back after 10 s
		}
		t.Logf("%s an idle sidecar has %d KiB, at most %d are allowed", name, kib, most)
		if kib > most {
			t.Error("the sidecar needs too much memory")
		}
	}
}

// memory is a line of what Linux says of a process' memory, in KiB.
func memory(t testing.TB, pid int, line string) (kib int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), line)
	if _, err := fmt.Sscan(rest, &kib); err != nil || kib == 0 {
		t.Fatalf("%s is not said:\n%s", line, text)
	}
	return kib
}
