package proxy

import (
	"os/exec"
	"strings"
	"testing"

	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// clients are programs that log in and run a query, with a DSN as last argument.
func clients(t *testing.T) map[string][]string {
	t.Helper()
	python := realpeer.Tool(t, "/usr/bin/python3", "python3-psycopg2 python3-psycopg python3-asyncpg")
	node := func(script string) []string {
		return []string{realpeer.Tool(t, "node", "nodejs"), "-e", script}
	}
	all := map[string][]string{
		"psql":     {realpeer.Tool(t, "psql", "postgresql-client"), "-X", "-w", "-c", "SELECT 1"},
		"psycopg2": {python, "-c", "import psycopg2,sys; psycopg2.connect(sys.argv[1]).cursor().execute('SELECT 1')"},
		"psycopg":  {python, "-c", "import psycopg,sys; psycopg.connect(sys.argv[1]).execute('SELECT 1')"},
		"asyncpg": {python, "-c", `import asyncpg,asyncio,sys
async def main():
    try:
        c = await asyncpg.connect(sys.argv[1])
        await c.execute('SELECT 1')
        await c.close()
    except Exception as e:
        sys.exit("%s %s DETAIL:  %s HINT:  %s" % (type(e).__name__, e, getattr(e, "detail", ""), getattr(e, "hint", "")))
asyncio.run(main())`},
	}
	if dir := nodeModules(t); dir != "" {
		all["node-postgres"] = node(`const {Client}=require('` + dir + `/pg'); const c=new Client({connectionString:process.argv[1]});
c.connect().then(()=>c.query('SELECT 1')).then(()=>c.end()).catch(e=>{console.error(e.message,e.code,'DETAIL: ',e.detail,'HINT: ',e.hint);process.exit(1)})`)
		all["postgres.js"] = node(`const s=require('` + dir + `/postgres')(process.argv[1],{max:1});
s` + "`SELECT 1`" + `.then(()=>s.end()).catch(e=>{console.error(e.message,e.code,'DETAIL: ',e.detail,'HINT: ',e.hint);process.exit(1)})`)
	}
	return all
}

// TestClientsShowTheWords: what real clients print when the proxy is closed.
func TestClientsShowTheWords(t *testing.T) {
	pooler := upstream(t)
	r := newRig(t, pooler.Addr())
	r.verdict(machine.Lockout, machine.ReasonLockout, machine.TriggerCircuitBreaker)
	for name, command := range clients(t) {
		for _, mode := range []string{"disable", "prefer", "require"} {
			if mode != "disable" && (name == "node-postgres" || name == "postgres.js") {
				mode = "no-verify" // what they call require
				if name == "postgres.js" {
					mode = "require"
				}
			}
			dsn := r.dsn("app", "secret-word", "db", "sslmode="+mode)
			out, err := exec.Command(command[0], append(command[1:], dsn)...).CombinedOutput()
			if err == nil {
				t.Errorf("%s, %s: got in", name, mode)
			}
			for _, words := range []string{"No connection attempts until backoff expires.", "reason: lockout (circuit_breaker)", "Do NOT restart services"} {
				if !strings.Contains(string(out), words) {
					t.Errorf("%s, %s: no %q in\n%s", name, mode, words, out)
				}
			}
		}
	}
	if got := pooler.Counts().Sockets; got != 0 {
		t.Errorf("%d sockets", got)
	}
	if ready, _ := exec.Command("pg_isready", "-h", "127.0.0.1", "-p", r.port).CombinedOutput(); !strings.Contains(string(ready), "rejecting connections") {
		t.Errorf("pg_isready: %s", ready)
	}
	if s := r.Status(); s.Open || s.Results["closed"] == 0 || s.Results["relayed"] != 0 {
		t.Errorf("%+v", s)
	}
}
