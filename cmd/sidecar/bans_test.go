package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/apisim"
	"dragonfly.internal/sidecar/internal/config"
	"dragonfly.internal/sidecar/internal/dsn"
	"dragonfly.internal/sidecar/internal/exit"
	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/report"
	"dragonfly.internal/sidecar/internal/store"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestBanLifted: a running sidecar in the window of a ban tries at once when it
// hears that the ban was lifted, and its other windows stay.
func TestBanLifted(t *testing.T) {
	t.Parallel()
	pooler := listen(t, poolersim.Script{Auth: poolersim.SCRAM, Password: "pw-of-app"})
	raw := pooler.DSN("app", "pw-of-app", "appdb")
	path := filepath.Join(t.TempDir(), "state.json")
	now := time.Now().UTC()
	window := func(key string) machine.Window {
		return machine.Window{Key: key, Trigger: machine.TriggerNetworkBan, Opened: now.Add(-time.Minute), Until: now.Add(20 * time.Minute), InRow: 1}
	}
	own, other := window(dsn.Judge(raw, dsn.Rules{}, now).DSN.Key()), window("11111111")
	before := store.NewFile(path)
	if err := before.Save(t.Context(), machine.Record{Windows: []machine.Window{own, other}}); err != nil {
		t.Fatal(err)
	}
	before.Close()
	s := startSidecar(t, "DATABASE_URL="+raw, "SIDECAR_STATE=file:"+path)
	s.awaitLine("Lockout backoff: ") // it has written its own record
	t.Log(tell(t.Context(), config.Config{State: "file:" + path}, machine.Lift{Key: own.Key, At: time.Now().UTC()}))
	status := s.await(machine.Ready, 10*time.Second)
	s.awaitLine("a ban was lifted by hand; what it says counts")
	if n := pooler.Counts().Startups; n != 1 || status.Logins.InWindow != 0 {
		t.Errorf("%d logins, %+v", n, status.Logins)
	}
	record, _, err := store.NewFile(path).Load(t.Context())
	if left := report.NewStateReport("", "", false, record, machine.DefaultPolicy(), time.Now()).Windows; err != nil || len(left) != 1 || left[0].Key != other.Key {
		t.Errorf("%v, left are %+v", err, left)
	}
}

// TestBanBack: a named ban that is back before anybody can look is a failure, and the
// sidecar keeps to its window.
func TestBanBack(t *testing.T) {
	t.Parallel()
	api := apisim.Listen("iaketsyhmqbwaabgykux", apiToken, apisim.Requester)
	defer api.Close()
	api.Sticky = true
	path := filepath.Join(t.TempDir(), "state.json")
	stored := store.NewFile(path)
	if err := stored.Save(t.Context(), machine.Record{}); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(os.Args[0], "bans", "lift", apisim.Requester, "--yes")
	command.Env = []string{beSidecar + "=1", "SUPABASE_MODE=prod", "SIDECAR_STATE=file:" + path, "SIDECAR_SUPABASE_API=" + api.URL, "SUPABASE_ACCESS_TOKEN=" + apiToken,
		"DATABASE_URL=postgresql://app:p@db.iaketsyhmqbwaabgykux.supabase.co:6543/app?sslmode=require"}
	out, _ := command.CombinedOutput()
	record, _, err := stored.Load(t.Context())
	if command.ProcessState.ExitCode() != exit.Failure || !strings.Contains(string(out), "is back already") || err != nil || record.Lifted != (machine.Lift{}) {
		t.Errorf("%s, %v, %+v", out, err, record)
	}
	calls := api.Calls()
	if want := "DELETE /v1/projects/iaketsyhmqbwaabgykux/network-bans"; len(calls) != 3 || calls[1] != want {
		t.Errorf("%q", calls)
	}
}

// TestBanLiftedForAll: the command leaves its word with the fleet that shares a Redis.
func TestBanLiftedForAll(t *testing.T) {
	t.Parallel()
	api := apisim.Listen("iaketsyhmqbwaabgykux", apiToken, apisim.Requester)
	defer api.Close()
	const raw = "postgresql://app:p@db.iaketsyhmqbwaabgykux.supabase.co:6543/app?sslmode=require"
	place := realpeer.StartRedis(t, realpeer.RedisConfig{}).URL("", "")
	run := func(want string) {
		t.Helper()
		command := exec.Command(os.Args[0], "bans", "lift", "--yes")
		command.Env = []string{beSidecar + "=1", "SUPABASE_MODE=prod", "SIDECAR_STATE=" + place.String(), "SIDECAR_SUPABASE_API=" + api.URL, "SUPABASE_ACCESS_TOKEN=" + apiToken, "DATABASE_URL=" + raw}
		if out, err := command.CombinedOutput(); err != nil || !strings.Contains(strings.Join(strings.Fields(string(out)), " "), want) {
			t.Errorf("%v, %s", err, out)
		}
	}
	run("Nothing is stored in " + place.String())
	member := store.NewRedis(place)
	defer member.Close()
	now := time.Now().UTC()
	room := store.Room{Key: dsn.Judge(raw, dsn.Rules{}, now).DSN.Key()}
	look := store.Look{Member: "m", Tag: "m", Salt: []byte("0123456789abcdef")}
	a, err := member.Look(t.Context(), room, look)
	look.Clock, look.Window = a.Clock, machine.Window{Key: room.Key, Trigger: machine.TriggerNetworkBan, Opened: now, Until: now.Add(30 * time.Minute), InRow: 1}
	if b, err2 := member.Look(t.Context(), room, look); err != nil || err2 != nil || len(b.Record.Windows) != 1 {
		t.Fatal(err, err2, b)
	}
	run("A running sidecar takes it up within seconds")
	if a, err = member.Look(t.Context(), room, look); err != nil || len(a.Record.Windows) != 0 || a.Lifted.IsZero() {
		t.Errorf("%v, %+v", err, a)
	}
}
