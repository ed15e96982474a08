package notify

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// verdicts are what the stories name.
var verdicts = map[string]machine.Status{
	"starting":      {State: machine.Starting, Reason: machine.ReasonStarting},
	"ready":         {State: machine.Ready, Reason: machine.ReasonOK},
	"network":       {State: machine.Retrying, Reason: machine.ReasonNetwork},
	"watched":       {State: machine.Retrying, Reason: machine.ReasonLockout, Trigger: machine.TriggerServerLoginRetry},
	"breaker":       {State: machine.Lockout, Reason: machine.ReasonLockout, Trigger: machine.TriggerCircuitBreaker},
	"retry":         {State: machine.Lockout, Reason: machine.ReasonLockout, Trigger: machine.TriggerServerLoginRetry},
	"auth_failed":   {State: machine.Rejected, Reason: machine.ReasonAuthFailed},
	"tenant":        {State: machine.Rejected, Reason: machine.ReasonTenantNotFound},
	"guard":         {State: machine.Misconfigured, Reason: machine.ReasonGuard},
	"waiver":        {State: machine.Misconfigured, Reason: machine.ReasonWaiverExpired},
	"breaker again": {State: machine.Lockout, Reason: machine.ReasonLockout, Trigger: machine.TriggerCircuitBreaker},
}

// TestTeller: stories of one line. Each word is a verdict and how long it lasts;
// "restart" begins another process with what was told, and "crash" one without a
// store. What is told follows, each with the time since the beginning.
func TestTeller(t *testing.T) {
	for _, story := range []struct{ name, play, want string }{
		{"the first ready says nothing", "starting 5s, ready 1h", ""},
		{"an outage of seconds says nothing", "ready 1m, network 59s, ready 1h", ""},
		{"a lockout, once", "ready 1m, watched 20s, breaker 15m, ready 1m", "1m20s lockout, 16m20s ready after 15m20s"},
		{"two windows in a row, and the trial between", "breaker 15m, breaker again 15m, ready 1m", "0s lockout, 15m0s lockout, 30m0s ready after 30m0s"},
		{"down after a minute", "ready 1m, network 10m, ready 1m", "2m0s down, 11m0s ready after 10m0s"},
		{"never ready", "starting 10s, network 10m, ready 1m", "1m0s down, 10m10s ready after 10m10s"},
		{"a lockout becomes another fault", "ready 1m, breaker 15m, network 10m, ready 1m", "1m0s lockout, 17m0s down, 26m0s ready after 25m0s"},
		{"faults that take turns", "tenant 1m, network 30s, tenant 1m, network 30s, tenant 1m, auth_failed 5m, tenant 1m, ready 1m",
			"0s rejected, 4m0s rejected, 10m0s ready after 10m0s"},
		{"the same in the next outage", "auth_failed 5m, ready 1m, auth_failed 5m", "0s rejected, 5m0s ready after 5m0s, 6m0s rejected"},
		{"misconfigured, and in another way", "guard 5m, waiver 5m", "0s misconfigured, 5m0s misconfigured"},
		{"a restart repeats nothing", "breaker 5m, restart, breaker+ 5m, restart, breaker+ 5m, ready 1m", "0s lockout, 15m0s ready after 15m0s"},
		{"a restart in an outage that nobody knows of", "ready 1m, network 30s, restart, network 59s, ready 1m", ""},
		{"a restart while it is well", "breaker 15m, ready 1m, restart, starting 1s, ready 1h", "0s lockout, 15m0s ready after 15m0s"},
		{"a crash loop", strings.Repeat("breaker 20s, crash, ", 100) + "ready 30m", "0s lockout, 15m0s lockout, 30m0s lockout, 45m0s ready after 33m20s"},
		{"a crash loop that is ready in between", strings.Repeat("breaker 20s, ready 20s, crash, ", 30), "0s lockout, 20s ready after 20s, 15m20s lockout, 15m40s ready after 20s"},
		{"blind: a crash loop", strings.Repeat("blind, breaker 14m, ", 20), ""},
		{"blind: it lasts", "blind, breaker 14m, network 5m", "15m0s down"},
		{"blind: ready before", "blind, ready 1m, breaker 14m", "1m0s lockout"},
	} {
		t.Run(story.name, func(t *testing.T) {
			if got := play(story.play); got != story.want {
				t.Errorf("told %q\nwant %q", got, story.want)
			}
		})
	}
}

// play looks every second.
func play(story string) string {
	begin := time.Date(2026, 1, 18, 15, 0, 0, 0, time.UTC)
	now, remembered := begin, true
	if strings.Contains(story, "crash") || strings.Contains(story, "blind") {
		remembered = false
	}
	w := &teller{start: now}
	var said []string
	before, since := machine.Status{}, now
	for word := range strings.SplitSeq(strings.TrimSuffix(story, ", "), ", ") {
		name, length, lasts := cutLast(word)
		if !lasts {
			told := w.told
			w = &teller{start: now, blind: name == "blind"}
			if name != "blind" {
				w.recall(now, told)
			}
			if name == "crash" { // nor does it remember the window
				before = machine.Status{}
			}
			continue
		}
		s := verdicts[strings.TrimSuffix(name, "+")]
		if s.State != before.State || name == "breaker again" {
			since = now
		}
		before = s
		s.Since = since
		d, err := time.ParseDuration(length)
		if err != nil {
			panic(err)
		}
		if s.State == machine.Lockout || s.State == machine.Rejected {
			s.Next = now.Add(d)
		}
		for end := now.Add(d); now.Before(end); now = now.Add(time.Second) {
			if e, away := w.look(now, s, remembered, false); e == Ready {
				said = append(said, fmt.Sprintf("%s %s after %s", now.Sub(begin), e, away))
			} else if e != "" {
				said = append(said, fmt.Sprintf("%s %s", now.Sub(begin), e))
			}
		}
	}
	return strings.Join(said, ", ")
}

// cutLast cuts a word into a verdict and how long it lasts.
func cutLast(word string) (name, length string, lasts bool) {
	i := strings.LastIndex(word, " ")
	if i < 0 {
		return word, "", false
	}
	return word[:i], word[i+1:], true
}

// TestTellerProperties: whatever happens, with restarts, an end is told of an outage
// that was told and of no other; nothing is said twice about one outage but windows;
// and without a store two processes' messages are a quarter of an hour apart.
func TestTellerProperties(t *testing.T) {
	names := []string{"starting", "ready", "network", "watched", "breaker", "retry", "auth_failed", "tenant", "guard", "waiver"}
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 1, 18, 15, 0, 0, 0, time.UTC)
		remembered := rapid.Bool().Draw(t, "store")
		w := &teller{start: now}
		known := make(map[string]int) // what people heard about this outage
		var last time.Time            // of a message of a process before
		own := false
		var lastOwn time.Time
		t.Repeat(map[string]func(*rapid.T){
			"restart": func(*rapid.T) {
				told := w.told
				w = &teller{start: now}
				w.recall(now, told)
				if own {
					last, own = lastOwn, false
				}
			},
			"verdict": func(t *rapid.T) {
				s := verdicts[rapid.SampledFrom(names).Draw(t, "verdict")]
				s.Since = now
				if s.State == machine.Lockout {
					s.Next = now.Add(20 * time.Minute)
				}
				for range rapid.IntRange(1, 150).Draw(t, "seconds") {
					now = now.Add(time.Second)
					e, _ := w.look(now, s, remembered, false)
					if e == "" {
						continue
					}
					if !remembered && !own && !last.IsZero() && now.Sub(last) < crashQuiet {
						t.Fatalf("%s, %s after another process's message", e, now.Sub(last))
					}
					own, lastOwn = true, now
					if e == Ready {
						if len(known) == 0 {
							t.Fatal("ready again, and nobody knew that it was away")
						}
						clear(known)
						continue
					}
					about := string(e) + string(s.Reason) + string(s.Trigger)
					if e == Down {
						about = string(e)
					}
					if e == Lockout {
						about += s.Since.String()
					}
					if known[about]++; known[about] > 1 {
						t.Fatalf("%s told twice", about)
					}
				}
			},
		})
	})
}
