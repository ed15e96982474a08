package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
)

// BenchmarkStart is the way from exec to the first 200 of /health, and what the process
// takes of memory when it is ready and idle, of the binary as it is shipped.
func BenchmarkStart(b *testing.B) {
	binary := b.TempDir() + "/sidecar"
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	pooler, err := poolersim.Listen()
	if err != nil {
		b.Fatal(err)
	}
	defer pooler.Close()
	var took, memory []float64
	for range 15 {
		ms, kB := startOnce(b, binary, pooler.DSN("app", "pw-of-app", "appdb"))
		took, memory = append(took, ms), append(memory, kB)
	}
	for range b.N { // the starts above are the measurement
	}
	slices.Sort(took)
	slices.Sort(memory)
	fmt.Printf("\nexec to the first 200: %.1f ms (%.1f-%.1f); ready and idle: %.1f MiB (%.1f-%.1f)\n",
		took[7], took[3], took[11], memory[7]/1024, memory[3]/1024, memory[11]/1024)
	b.ReportMetric(took[7], "ms-to-200")
	b.ReportMetric(memory[7]/1024, "MiB-idle")
}

func startOnce(b *testing.B, binary, dsn string) (ms, kB float64) {
	b.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	command := exec.Command(binary)
	command.Env = []string{"PORT=" + address[strings.LastIndexByte(address, ':')+1:], "DATABASE_URL=" + dsn}
	begun := time.Now()
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { command.Process.Kill(); command.Wait() }()
	await := func(path string) { // without a pause: the first answer is what is measured
		answer := ""
		for !strings.HasPrefix(answer, "HTTP/1.1 200") {
			if time.Since(begun) > 30*time.Second {
				b.Fatalf("%s: %q", path, answer)
			}
			conn, err := net.Dial("tcp", address)
			if err != nil {
				continue
			}
			conn.SetDeadline(begun.Add(30 * time.Second))
			fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path)
			text, _ := io.ReadAll(conn)
			answer = string(text)
			conn.Close()
		}
	}
	await("/health")
	ms = float64(time.Since(begun).Microseconds()) / 1000
	await("/readyz")
	<-time.After(time.Second) // what a start leaves is collected meanwhile
	return ms, float64(memory(b, command.Process.Pid, "VmRSS:"))
}
