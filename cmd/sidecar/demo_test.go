package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"dragonfly.internal/sidecar/internal/demo"
)

// TestDemo: the story is told to its end, and its point is in the last lines.
func TestDemo(t *testing.T) {
	command := exec.Command(os.Args[0], "demo", "--once")
	command.Env = []string{beSidecar + "=1", "PORT=0"}
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	story := string(out)
	rest := story
	for _, part := range []string{
		`\[DB\] READY=true`, `rotates the password`, `\[DB\] READY=false reason=lockout next_retry_in=\d+s`,
		`Lockout backoff: \d+s remaining`, `The third is not locked out: only [1-9] of those came through its proxy`,
		`Wait until \d\d:\d\d:\d\d UTC\. Do NOT restart services`,
		`[1-9]\d* without the sidecar, 0 with it`, `\[DB\] READY=true`, `The window is over: one trial`,
		`logins inside the lockout +[1-9]\d+ +0 +no lockout\n`, `now +still locked out +ready +ready\n`,
	} {
		found := regexp.MustCompile(part).FindStringIndex(rest)
		if found == nil {
			t.Fatalf("no %s in the rest of\n%s", part, story)
		}
		rest = rest[found[1]:]
	}
	if strings.Contains(story, demo.Password) {
		t.Error("the story shows the password")
	}
}
