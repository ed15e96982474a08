package main

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestRunHolds: a CMD that logs in and always exits 78 is started no more often
// than the hold allows, whether the sidecar stays ready or not, and never in a
// window. make soak has the issue's own figures: a hold of 20 s, for 60 s.
func TestRunHolds(t *testing.T) {
	t.Parallel()
	hold, lasts := soak(time.Second, 20*time.Second), soak(5*time.Second, time.Minute)
	for name, faulty := range map[string]bool{"stays ready": false, "does not": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			window := (hold * 5 / 4).String()
			s, pooler, address := readySidecar(t, "SIDECAR_PROBE_INTERVAL=100ms", "SIDECAR_LOCKOUT_MIN="+window, "SIDECAR_LOCKOUT_MAX="+window)
			env := append([]string{"DATABASE_URL=" + pooler.DSN("worker", "pw-of-app", "appdb")}, address...)
			r := shell(t, env, fmt.Sprintf("--jitter 0 --hold %s", hold), `"$SIDECAR" probe --force >/dev/null 2>&1; exit 78`)
			r.awaitWords(&r.says, "holding after a lockout", 10*time.Second)
			if faulty { // the first window opens; the second opens at the trial
				pooler.Set(poolersim.Script{OnStartup: poolersim.CircuitBreaker})
				realpeer.Until(t, lasts, "the second window", func() error {
					if n := s.status().WindowsInRow; n < 2 {
						return fmt.Errorf("%d windows", n)
					}
					return nil
				})
				pooler.Set(poolersim.Script{})
			}
			<-time.After(time.Until(r.begun.Add(lasts)))
			r.awaitStarts(2, 20*time.Second) // a slow machine may need longer
			lasted := time.Since(r.begun)
			r.signal(syscall.SIGTERM)
			if code, _ := r.code(10 * time.Second); code != 143 && code != exit.Lockout {
				t.Errorf("code %d", code)
			}
			starts, most := r.starts(), int(lasted/hold)+1
			if len(starts) > most {
				t.Errorf("%d starts in %s, at most %d are meant", len(starts), lasted, most)
			}
			for i, at := range starts[1:] {
				if gap := at.Sub(starts[i]); gap < hold {
					t.Errorf("start %d came %s after the one before", i+2, gap)
				}
			}
			windows := lockoutsOf(s)
			if (len(windows) > 0) != faulty {
				t.Errorf("%d windows", len(windows))
			}
			for _, login := range workerLogins(pooler) {
				for _, w := range windows {
					if login.After(w[0]) && login.Before(w[1]) {
						t.Errorf("a login of the worker at %s, in the window from %s to %s", login, w[0], w[1])
					}
				}
			}
			t.Logf("%d starts in %s, %d logins of the worker, %d windows", len(starts), lasted.Round(time.Second), len(workerLogins(pooler)), len(windows))
		})
	}
}

// TestRunHoldsAfterReload: a SIGHUP that CMD lives on with is no order to end; when
// it meets a lockout later, it is held as ever.
func TestRunHoldsAfterReload(t *testing.T) {
	t.Parallel()
	_, _, address := readySidecar(t)
	r := shell(t, address, "--jitter 0", `trap 'echo reloaded; exit 78' HUP; echo up; `+lingers)
	r.awaitWords(&r.out, "up", 10*time.Second)
	r.signal(syscall.SIGHUP)
	r.awaitWords(&r.out, "reloaded", 10*time.Second)
	r.awaitWords(&r.says, "holding after a lockout", 10*time.Second)
	r.signal(syscall.SIGTERM)
	if code, _ := r.code(10 * time.Second); code != 143 || len(r.starts()) != 1 {
		t.Errorf("code %d, %d starts", code, len(r.starts()))
	}
}

// workerLogins are the times at which somebody logged in as the user worker.
func workerLogins(pooler *poolersim.Server) (all []time.Time) {
	for _, event := range pooler.Events() {
		if event.Kind == poolersim.Startup && event.Params["user"] == "worker" {
			all = append(all, event.At)
		}
	}
	return all
}

// lockoutsOf are the lockouts that the sidecar has been in, by its own history.
func lockoutsOf(s *sidecar) (all [][2]time.Time) {
	s.t.Helper()
	for _, change := range s.status().History {
		if change.From == string(machine.Lockout) {
			all[len(all)-1][1] = change.At
		}
		if change.To == string(machine.Lockout) {
			all = append(all, [2]time.Time{change.At, time.Now().Add(time.Hour)})
		}
	}
	return all
}
