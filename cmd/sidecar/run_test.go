package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/exit"
)

// TestRunCodes: CMD's exit code is run's, its stdio is its own, and a quick
// failure is passed on 20 s later.
func TestRunCodes(t *testing.T) {
	t.Parallel()
	_, _, address := readySidecar(t)
	const braked = 20 * time.Second
	for name, c := range map[string]struct {
		flags, script string
		code          int
		takes         time.Duration // at least; and at most 15 s more
	}{
		"success":      {"", "exit 0", 0, 0},
		"failure":      {"", "exit 1", 1, braked},
		"its own code": {"", "exit 7", 7, braked},
		"killed":       {"", "kill -KILL $$", 128 + 9, braked},
		"lockout":      {"--on-lockout exit", "exit 78", exit.Lockout, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := shell(t, address, "--jitter 0 "+c.flags, "echo the result; echo its log >&2; "+c.script)
			code, took := r.code(braked + 15*time.Second)
			if code != c.code || took < c.takes || took > c.takes+15*time.Second || len(r.starts()) != 1 {
				t.Errorf("code %d after %s and %d starts", code, took, len(r.starts()))
			}
			if r.out.String() != "the result\n" || !strings.HasPrefix(r.says.String(), "its log\n") {
				t.Errorf("stdout %q, stderr %q", r.out.String(), r.says.String())
			}
		})
	}
	for name, c := range map[string]struct {
		command string
		code    int
	}{
		"no program": {"no-such-program", 127}, "no path": {"/no/such/program", 127}, "no permission": {"/etc/passwd", 126},
	} {
		r := begin(t, address, "run --", c.command)
		if code, _ := r.code(15 * time.Second); code != c.code || r.out.String() != "" || !strings.HasPrefix(r.says.String(), "sidecar: error: CMD: ") {
			t.Errorf("%s: code %d, %s", name, code, r.says.String())
		}
	}
}

// TestRunSignals: signals go to CMD's whole group; one that ends is not followed
// by the brake or a hold, and without a CMD it ends run.
func TestRunSignals(t *testing.T) {
	t.Parallel()
	_, _, address := readySidecar(t)
	t.Run("passed on", func(t *testing.T) {
		t.Parallel()
		const tell = `TELL=for s in HUP QUIT INT USR1 USR2 CONT; do trap "echo $WHO $s" $s; done; echo $WHO up; ` + lingers
		r := shell(t, append([]string{tell}, address...), "--jitter 0", `trap 'exit 5' TERM; WHO=member sh -c "$TELL" & WHO=leader; eval "$TELL"`)
		r.awaitWords(&r.out, "member up", 10*time.Second)
		r.awaitWords(&r.out, "leader up", 10*time.Second)
		for name, sig := range map[string]syscall.Signal{"HUP": syscall.SIGHUP, "QUIT": syscall.SIGQUIT, "INT": syscall.SIGINT,
			"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "CONT": syscall.SIGCONT} {
			r.signal(sig)
			r.awaitWords(&r.out, "leader "+name+"\n", 10*time.Second)
			if name != "QUIT" && name != "INT" { // sh makes its background ignore these
				r.awaitWords(&r.out, "member "+name+"\n", 10*time.Second)
			}
		}
		r.signal(syscall.SIGTERM)
		if code, took := r.code(10 * time.Second); code != 5 || took > 15*time.Second {
			t.Errorf("code %d after %s", code, took)
		}
	})
	for name, c := range map[string]struct {
		script string
		signal syscall.Signal
		code   int
	}{
		"ends by it":         {"echo up; exec sleep 100", syscall.SIGTERM, 143},
		"ends by another":    {"echo up; exec sleep 100", syscall.SIGINT, 130},
		"78 when told":       {`trap 'exit 78' TERM; echo up; ` + lingers, syscall.SIGTERM, exit.Lockout},
		"failure when told":  {`trap 'exit 3' TERM; echo up; ` + lingers, syscall.SIGTERM, 3},
		"success when told":  {`trap 'exit 0' TERM; echo up; ` + lingers, syscall.SIGTERM, 0},
		"while holding":      {"exit 78", syscall.SIGTERM, 143},
		"while holding, INT": {"exit 78", syscall.SIGINT, 130},
		"on the brake":       {"exit 4", syscall.SIGTERM, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := shell(t, address, "--jitter 0", c.script)
			r.awaitStarts(1, 10*time.Second)
			switch c.script {
			case "exit 78":
				r.awaitWords(&r.says, "holding after a lockout", 10*time.Second)
			case "exit 4":
				r.awaitWords(&r.says, "exit code 4 is passed on in 20s", 10*time.Second)
			default:
				r.awaitWords(&r.out, "up", 10*time.Second)
			}
			asked := time.Now()
			r.signal(c.signal)
			if code, _ := r.code(10 * time.Second); code != c.code || time.Since(asked) > 5*time.Second || len(r.starts()) != 1 {
				t.Errorf("code %d after %s", code, time.Since(asked))
			}
		})
	}
	t.Run("while waiting", func(t *testing.T) {
		t.Parallel()
		r := shell(t, address, "--stable 1h", "exit 0")
		r.awaitWords(&r.says, "waiting: Ready, but not yet for 1h0m0s", 10*time.Second)
		r.signal(syscall.SIGTERM)
		if code, _ := r.code(5 * time.Second); code != 143 || len(r.starts()) != 0 {
			t.Errorf("code %d", code)
		}
	})
}

// TestRunIntroduces: the line of CMD's own DSN, what the guard has against it, and
// a warning when the sidecar speaks for another database; never its password.
func TestRunIntroduces(t *testing.T) {
	t.Parallel()
	_, pooler, address := readySidecar(t)
	own := pooler.DSN("app", "pw-of-app", "appdb")
	for name, c := range map[string]struct {
		dsn        string
		says, hush []string
	}{
		"same": {own, []string{"[DB] pooler_mode=unknown host=127.0.0.1 port=", " user=app*** ", " password_encoding=safe_plain\n"}, []string{"warning"}},
		"other": {"postgresql://postgres.ejiddanxtqcleyswqvkc:pw-of-app@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require",
			[]string{"[DB] pooler_mode=shared ", "sidecar: warning: the sidecar speaks for another database (key "}, nil},
		"refused": {strings.Replace(own, "pw-of-app", "pw/of-app", 1), []string{"sidecar: warning: DATABASE_URL: PASSWORD_NEEDS_ENCODING: "}, []string{"of-app"}},
		"none":    {"", nil, []string{"[DB]", "warning"}},
	} {
		r := begin(t, append([]string{"DATABASE_URL=" + c.dsn}, address...), "run --jitter 0 --", "sh", "-c", `echo "[${DATABASE_URL-unset}]"`)
		if code, _ := r.code(15 * time.Second); code != exit.OK || r.out.String() != fmt.Sprintf("[%s]\n", c.dsn) {
			t.Errorf("%s: code %d, CMD's own DSN is %s", name, code, r.out.String())
		}
		for _, words := range c.says {
			if !strings.Contains(r.says.String(), words) {
				t.Errorf("%s: no %q in\n%s", name, words, r.says.String())
			}
		}
		for _, words := range append(c.hush, "pw-of-app") {
			if strings.Contains(r.says.String(), words) {
				t.Errorf("%s: %q in\n%s", name, words, r.says.String())
			}
		}
	}
}
