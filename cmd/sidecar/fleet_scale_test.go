package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"dragonfly.internal/sidecar/internal/poolersim"
	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// scale is one measurement of a fleet: how many members and readers, for how long it is
// watched while all is well, and how many changes of the verdict are followed.
type scale struct {
	members, readers int
	steady           time.Duration
	changes          int
}

// scaled is what came out. Rates are a second.
type scaled struct {
	scale
	logins     float64   // at the pooler, while all is well
	loggedIn   int       // members that made one
	inWindow   uint64    // connections inside a window
	scripts    float64   // that Redis runs
	commands   float64   // with those inside the scripts
	redisCPU   float64   // cores
	memberCPU  float64   // cores, the mean of those that readers ask
	answers    float64   // that readers got
	answer     quantiles // from when it was due until it was there
	unanswered int       // readers' questions that failed
	followed   quantiles // from the leader's log line to a follower's
}

type quantiles struct{ p50, p99 time.Duration }

func quantilesOf(all []time.Duration) (q quantiles) {
	if len(all) > 0 {
		slices.Sort(all)
		q = quantiles{all[len(all)/2], all[min(len(all)-1, len(all)*99/100)]}
	}
	return q
}

// probesEach is how often the leader asks in a measurement: more often than the default,
// so that a change is met soon, and out of step with the followers' looks.
const probesEach = 470 * time.Millisecond

// readEach is how often a reader asks, as "sidecar run" does.
const readEach = 2 * time.Second

// sharedConnections is how many connections all readers of a sidecar share.
const sharedConnections = 100

// measureFleet runs real sidecars on a real Redis, and readers as an open loop: each
// asks every 2 s +-20 %, whether others have been answered or not, over connections
// that are kept and shared, as behind an ingress.
func measureFleet(t *testing.T, of scale) scaled {
	pooler, server := listen(t, poolersim.Script{}), realpeer.StartRedis(t, realpeer.RedisConfig{})
	c := &crowd{t: t, redis: server, pooler: pooler, all: make([]*sidecar, of.members)}
	var starting sync.WaitGroup
	for i := range c.all {
		starting.Go(func() {
			c.all[i] = startSidecar(t, "DATABASE_URL="+pooler.DSN("app", "pw-of-app", "appdb"), "SIDECAR_STATE="+server.URL("", "").String(),
				"SIDECAR_PROBE_INTERVAL="+probesEach.String(), "SIDECAR_LOCKOUT_MIN=1s", "SIDECAR_LOCKOUT_MAX=2s")
		})
	}
	starting.Wait()
	c.await(machine.Ready, 30*time.Second)
	leader := c.leader(10 * time.Second)
	client, err := redis.DialURL(server.URL("", "").String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	followers := slices.Clone(c.all)
	if len(followers) > 1 { // else readers ask the leader
		followers = slices.Delete(followers, leader, leader+1)
	}
	asking := startReaders(followers, of.readers)
	got := scaled{scale: of}

	before, logins := readCounts(t, client, followers), c.pooler.Counts().Startups
	began := time.Now()
	realpeer.Until(t, 2*of.steady+10*time.Second, "the time to measure", func() error {
		if left := of.steady - time.Since(began); left > 0 {
			return fmt.Errorf("%s are left", left)
		}
		return nil
	})
	took := time.Since(began).Seconds()
	after := readCounts(t, client, followers)
	rate := func(name string) float64 { return (after[name] - before[name]) / took }
	got.logins = float64(c.pooler.Counts().Startups-logins) / took
	got.scripts, got.commands, got.redisCPU = rate("evalsha"), rate("commands"), rate("redis cpu")
	got.memberCPU = rate("member cpu") / float64(len(followers))

	for i := range of.changes {
		script, state := poolersim.Script{OnStartup: poolersim.CircuitBreaker}, machine.Lockout
		if i%2 == 1 {
			script, state = poolersim.Script{}, machine.Ready
		}
		pooler.Set(script)
		realpeer.Until(t, 20*time.Second, "everybody follows", func() error {
			for _, s := range c.all {
				if n := len(changesOf(t, s, state)); n < i/2+1+i%2 { // the first ready is from the start
					return fmt.Errorf("%d times %s", n, state)
				}
			}
			return nil
		})
	}
	asking.stop()
	var followed []time.Duration
	for _, state := range []machine.State{machine.Lockout, machine.Ready} {
		all := changesOf(t, c.all[leader], state)
		for _, s := range followers {
			for k, at := range changesOf(t, s, state) {
				if s != c.all[leader] && k < len(all) && (state == machine.Lockout || k > 0) {
					followed = append(followed, at.Sub(all[k]))
				}
			}
		}
	}
	got.followed, got.answer = quantilesOf(followed), quantilesOf(asking.took)
	got.answers, got.unanswered = float64(len(asking.took))/asking.ran.Seconds(), asking.failed
	for _, s := range c.all {
		status := s.status()
		if got.inWindow += status.Logins.InWindow; status.Logins.Total > 0 {
			got.loggedIn++
		}
	}
	return got
}

// changesOf is when a sidecar told of a change to a state; windows in a row are one.
func changesOf(t *testing.T, s *sidecar, state machine.State) (all []time.Time) {
	for _, text := range s.linesWith("[DB] READY=") {
		var line struct {
			Time  time.Time
			State string
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		if line.State == string(state) {
			all = append(all, line.Time)
		}
	}
	return all
}

// readCounts are what Redis and the members have used and done so far.
func readCounts(t *testing.T, client redis.Conn, members []*sidecar) map[string]float64 {
	t.Helper()
	counts := make(map[string]float64)
	for _, section := range []string{"commandstats", "cpu"} {
		text, err := redis.String(client.Do("INFO", section))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`cmdstat_(\w+):calls=(\d+)`).FindAllStringSubmatch(text, -1) {
			n, _ := strconv.ParseFloat(m[2], 64)
			counts[m[1]] += n
			counts["commands"] += n
		}
		for _, m := range regexp.MustCompile(`used_cpu_(?:sys|user):([\d.]+)`).FindAllStringSubmatch(text, -1) {
			n, _ := strconv.ParseFloat(m[1], 64)
			counts["redis cpu"] += n
		}
	}
	for _, s := range members {
		_, _, metrics := s.get("/metrics")
		if m := regexp.MustCompile(`(?m)^process_cpu_seconds_total (\S+)$`).FindStringSubmatch(string(metrics)); m != nil {
			n, _ := strconv.ParseFloat(m[1], 64)
			counts["member cpu"] += n
		}
	}
	return counts
}

// readers ask for readiness until they are stopped.
type readers struct {
	end    chan struct{}
	asking sync.WaitGroup
	began  time.Time
	ran    time.Duration
	mu     sync.Mutex
	took   []time.Duration
	failed int
}

func startReaders(of []*sidecar, n int) *readers {
	r := &readers{end: make(chan struct{}), began: time.Now()}
	clients := make([]*http.Client, len(of))
	for i := range clients {
		clients[i] = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxConnsPerHost: sharedConnections, MaxIdleConnsPerHost: sharedConnections}}
	}
	for i := range n {
		r.asking.Go(func() { r.ask(clients[i%len(of)], of[i%len(of)].url+"/readyz") })
	}
	return r
}

// ask is one reader. An answer that comes late does not move the next question.
func (r *readers) ask(client *http.Client, url string) {
	due := time.Now().Add(rand.N(readEach))
	for {
		timer := time.NewTimer(time.Until(due))
		select {
		case <-r.end:
			timer.Stop()
			return
		case <-timer.C:
		}
		response, err := client.Get(url)
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		r.mu.Lock()
		if r.took = append(r.took, time.Since(due)); err != nil {
			r.failed++
		}
		r.mu.Unlock()
		due = due.Add(readEach*4/5 + rand.N(readEach*2/5))
	}
}

func (r *readers) stop() {
	r.ran = time.Since(r.began)
	close(r.end)
	r.asking.Wait()
}

// TestFleetScale: of a fleet with readers one asks, whoever else reads, and nobody in a
// window; followers follow within a second or two. With BENCH_FLEET, the folder of the
// docs, it measures at length and writes fleet-scale.md.
func TestFleetScale(t *testing.T) {
	folder := os.Getenv("BENCH_FLEET")
	if folder == "" {
		t.Parallel()
		got := measureFleet(t, scale{3, 60, time.Second, 4})
		t.Logf("%+v", got)
		if got.loggedIn != 1 || got.inWindow > 0 || got.unanswered > 0 || got.logins > 4 || got.answers < 15 {
			t.Errorf("%+v", got)
		}
		if got.followed.p50 > 2*time.Second || got.scripts < 2 || got.scripts > 15 {
			t.Errorf("%+v", got)
		}
		return
	}
	const steady, changes = 10 * time.Second, 16
	var byMembers, byReaders []scaled
	for _, members := range []int{1, 2, 4, 8, 16} {
		byMembers = append(byMembers, measureFleet(t, scale{members, 1000, steady, changes}))
	}
	for _, n := range []int{10, 100, 1000, 10000} {
		byReaders = append(byReaders, measureFleet(t, scale{16, n, steady, changes}))
	}
	for _, got := range slices.Concat(byMembers, byReaders) {
		t.Logf("%+v", got)
		if got.loggedIn != 1 || got.inWindow > 0 || got.unanswered > 0 {
			t.Errorf("%d members and %d readers: %d members have logged in, %d times in a window; %d questions without an answer", got.members, got.readers, got.loggedIn, got.inWindow, got.unanswered)
		}
	}
	writeScale(t, folder, byMembers, byReaders)
}
