package main

import (
	"io"
	"strings"
	"testing"

	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
)

// onTerminal runs a shell line on a terminal of its own, where "$SIDECAR" is the
// sidecar.
func onTerminal(t *testing.T, line string, env ...string) *running {
	t.Helper()
	script := realpeer.Tool(t, "script", "bsdutils")
	return start(t, append(env, "SHELL=/bin/sh"), script, "--quiet", "--return", "--flush", "--command", line, "/dev/null")
}

// TestPasswordPrompt: at a terminal a missing password is asked for, and one login
// is made with it. The echo is off from the start, so that typing is never early.
func TestPasswordPrompt(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{Auth: poolersim.SCRAM, Password: "pw@of/app"})
	raw := strings.Replace(pooler.DSN("app", "x", "appdb"), ":x@", "@", 1)
	probe := onTerminal(t, `stty -echo; exec "$SIDECAR" probe `+"'"+raw+"'", "PORT=1")
	probe.until(t, "Password (not shown): ")
	io.WriteString(probe.input, "pw@of/app\r")
	code, said := probe.ended(), probe.said()
	if code != exit.OK || !strings.Contains(said, "  RESULT: PASS") || pooler.Counts().Startups != 1 {
		t.Errorf("exit code %d, %+v\n%s", code, pooler.Counts(), said)
	}
	if strings.Contains(said, "pw@of") || strings.Contains(said, "\x1b") {
		t.Errorf("shows the password, or colours:\n%q", said)
	}
}

// TestBuildAsksTwice: what is typed unseen is saved for every service, so a slip
// must not pass.
func TestBuildAsksTwice(t *testing.T) {
	t.Parallel()
	for second, want := range map[string]string{"zq7@of/app": "zq7%40of%2Fapp@db.", "zq7@of/aap": "sidecar: error: the two passwords differ"} {
		build := onTerminal(t, `stty -echo; exec "$SIDECAR" dsn build --user app --ref iaketsyhmqbwaabgykux --mode dedicated`)
		build.until(t, "Password (not shown): ")
		io.WriteString(build.input, "zq7@of/app\r")
		build.until(t, "The same password again (not shown): ")
		io.WriteString(build.input, second+"\r")
		code, said := build.ended(), build.said()
		same := second == "zq7@of/app"
		if (code == exit.OK) != same || !strings.Contains(said, want) || strings.Contains(said, "zq7") != same || strings.Contains(said, "zq7@") {
			t.Errorf("%s: exit code %d\n%s", second, code, said)
		}
	}
}
