package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestExampleApps: each example opens a connection while the sidecar says ready, none
// in a lockout though it has lost the one it had, and one when the lockout is over.
func TestExampleApps(t *testing.T) {
	t.Parallel()
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	drivers, _ := filepath.Abs("testdata/examples")
	debian := func(module string) string { // not a Python of somebody's own, which has no packages of Debian's
		return realpeer.Tool(t, "/usr/bin/python3", module)
	}
	for name, start := range map[string]func(t *testing.T, address []string, database *poolersim.Server, url string) *app{
		"fastapi": func(t *testing.T, address []string, _ *poolersim.Server, url string) *app {
			return startDriver(t, append(append(address, pythonPath...), "DATABASE_URL="+url), debian("python3-fastapi"), drivers+"/fastapi_requests.py")
		},
		"celery": func(t *testing.T, address []string, database *poolersim.Server, _ string) *app {
			return startDriver(t, append(address, pythonPath...), debian("python3-celery"), drivers+"/celery_tasks.py", fmt.Sprint(database.Port()))
		},
		"sidekiq": func(t *testing.T, address []string, database *poolersim.Server, _ string) *app {
			return startDriver(t, append(address, "GATE="+examples+"/sidekiq_gate.rb"), realpeer.Tool(t, "ruby", "ruby"), drivers+"/sidekiq.rb", fmt.Sprint(database.Port()))
		},
		"node pg":     startNode(examples, drivers, "pg"),
		"node prisma": startNode(examples, drivers, "prisma"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, pooler, address := readySidecar(t, "SIDECAR_PROBE_INTERVAL=50ms", "SIDECAR_LOCKOUT_MIN=10s", "SIDECAR_LOCKOUT_MAX=10s")
			database := listen(t, poolersim.Script{})
			a := start(t, address, database, database.DSN("app", "pw-of-app", "appdb"))
			a.say("get", "ok")
			a.say("get", "ok")
			pooler.Set(poolersim.Script{OnStartup: poolersim.CircuitBreaker})
			s.await(machine.Lockout, 10*time.Second)
			a.say("get", "ok") // what works is left alone
			a.say("lost", "done")
			sockets := database.Counts().Sockets
			a.say("get", "NotReady")
			if n := database.Counts().Sockets - sockets; n != 0 {
				t.Errorf("%d sockets in a lockout", n)
			}
			pooler.Set(poolersim.Script{})
			s.await(machine.Ready, 30*time.Second)
			word := "get"
			if name == "celery" || name == "sidekiq" {
				word = "still" // the work that waited is done, not lost
			}
			realpeer.Until(t, 20*time.Second, "the end of the lockout", func() error {
				if said := a.ask(word); said != "ok" {
					return fmt.Errorf("%s", said)
				}
				return nil
			})
		})
	}
}

// startNode starts the driver for an example of Node's beside it, where both find the
// packages that scripts/needs has fetched.
func startNode(examples, drivers, kind string) func(*testing.T, []string, *poolersim.Server, string) *app {
	return func(t *testing.T, address []string, _ *poolersim.Server, url string) *app {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		modules := filepath.Join(cache, "pooler-sidecar/node_modules")
		realpeer.Tool(t, filepath.Join(modules, ".bin/tsc"), "npm, then make needs")
		folder := t.TempDir()
		for _, file := range []string{examples + "/readiness.mjs", examples + "/node_pg.mjs", examples + "/node_prisma.mjs", drivers + "/node.mjs"} {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, filepath.Base(file)), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(modules, filepath.Join(folder, "node_modules")); err != nil {
			t.Fatal(err)
		}
		return startDriver(t, address, realpeer.Tool(t, "node", "nodejs"), filepath.Join(folder, "node.mjs"), kind, url)
	}
}

// TestExampleNodeRefused: ten that want a connection at once, with a password that is
// refused, make one login between them.
func TestExampleNodeRefused(t *testing.T) {
	t.Parallel()
	examples, _ := filepath.Abs("../../examples")
	_, _, address := readySidecar(t)
	database := listen(t, poolersim.Script{OnStartup: poolersim.CircuitBreaker})
	a := startNode(examples, "testdata/examples", "pg")(t, address, database, database.DSN("app", "pw-of-app", "appdb"))
	a.say("many", "0 of 10")
	if n := database.Counts().Sockets; n != 1 {
		t.Errorf("%d logins", n)
	}
	database.Set(poolersim.Script{})
}
