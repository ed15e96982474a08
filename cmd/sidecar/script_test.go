package main

import (
	"errors"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"dragonfly.internal/sidecar/internal/apisim"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// poolers are the simulated poolers that scripts find in their environment, each
// by its DSN.
var poolers = map[string]poolersim.Script{
	"HEALTHY":  {Auth: poolersim.SCRAM, Password: "pw-of-app"},
	"WRONG":    {Auth: poolersim.SCRAM, Password: "another"},
	"LOCKED":   {Auth: poolersim.SCRAM, Password: "pw-of-app", OnQuery: poolersim.CachedError(`password authentication failed for user "app"`)},
	"BREAKER":  {OnStartup: poolersim.CircuitBreaker},
	"STARTING": {OnStartup: poolersim.Refusal{SQLState: "57P03", Message: "the database system is starting up"}},
	"BUSY":     {Auth: poolersim.SCRAM, Password: "pw-of-app", Answer: activity},
}

// apiToken is that of the simulated management API.
const apiToken = "sbp_0123456789abcdef0123456789abcdef01234567"

// activity is the answer to the query of "sidecar sessions", of a server where a
// role may not see others' sessions.
func activity(sql string) (poolersim.Table, bool) {
	if !strings.Contains(sql, "pg_stat_activity") {
		return poolersim.Table{}, false
	}
	head := []string{"app", "f", "150018", "4711"} // our role, NOINHERIT, on PostgreSQL 15
	var rows [][]string
	for _, cells := range [][]string{
		{"app", "api", "idle", "12", "93784"},
		{"app", "api", "active", "1", "75"},
		{"app", "dragonfly-sidecar", "active", "1", "0"},
		{"app", "", "idle in transaction", "1", "7260"},
		{"postgres", "psql", "hidden", "2", ""},
	} {
		rows = append(rows, append(slices.Clone(head), cells...))
	}
	return poolersim.Table{Columns: make([]string, 9), Rows: rows}, true
}

// TestScripts runs testdata/script against the real binary.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// code N PROGRAM ARG...: the program ends with exit code N
			"code": func(ts *testscript.TestScript, _ bool, args []string) {
				err := ts.Exec(args[1], args[2:]...)
				exit, _ := errors.AsType[*exec.ExitError](err)
				if exit == nil || strconv.Itoa(exit.ExitCode()) != args[0] {
					ts.Fatalf("want exit code %s, got %v", args[0], err)
				}
			},
			// served STATE NAME=VALUE...: a sidecar that supervises $DATABASE_URL is in
			// the state, and SIDECAR_URL leads to it
			"served": func(ts *testscript.TestScript, _ bool, args []string) {
				s := startSidecar(t, append(args[1:], "DATABASE_URL="+ts.Getenv("DATABASE_URL"))...)
				s.awaitReadiness(machine.State(args[0]), 30*time.Second)
				ts.Setenv("SIDECAR_URL", s.url)
			},
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("PORT", "1") // nobody listens there: no sidecar is known
			for name, script := range poolers {
				pooler, err := poolersim.Listen()
				if err != nil {
					return err
				}
				env.Defer(pooler.Close)
				pooler.Set(script)
				env.Setenv(name, pooler.DSN("app", "pw-of-app", "appdb"))
				env.Setenv(name+"_ADDR", pooler.Addr())
			}
			api := apisim.Listen("iaketsyhmqbwaabgykux", apiToken, apisim.Requester, "198.51.100.9")
			env.Defer(api.Close)
			env.Setenv("API", api.URL)
			env.Setenv("API_TOKEN", apiToken)
			return nil
		},
	})
}
