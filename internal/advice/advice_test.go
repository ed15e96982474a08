package advice_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dragonfly.internal/sidecar/internal/advice"
	"dragonfly.internal/sidecar/internal/advice/scenes"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

var update = flag.Bool("update", false, "write testdata/words.txt and the runbook's quotations")

// TestWords: the exact words of every situation. Read the file as the person at the
// console would before it is committed. What two hosts have in common stands once.
func TestWords(t *testing.T) {
	var b strings.Builder
	var bodies, names []string
	for _, s := range scenes.All() {
		body := fmt.Sprintf("message: %s\nadvice:  %s\nafter:   %s\n", s.Message(), s.Advice(), strings.TrimSpace(strings.TrimPrefix(s.Text(), s.Advice())))
		if s.Action() != s.Text() {
			body += fmt.Sprintf("action:  %s\n", s.Action())
		}
		body += fmt.Sprintf("page:    %s\n", s.Page())
		if s.Once && s.Reason != machine.ReasonLockout { // the same without a time
			continue
		}
		if s.Once {
			body = fmt.Sprintf("meaning: %s\naction:  %s\npage:    %s\n", s.Meaning(), s.Action(), s.Page())
		}
		if i := slices.Index(bodies, body); i >= 0 {
			names[i] += "\n" + s.Name
			continue
		}
		bodies, names = append(bodies, body), append(names, s.Name)
	}
	for i, body := range bodies {
		fmt.Fprintf(&b, "== %s\n%s\n", strings.ReplaceAll(names[i], "\n", "\n== "), body)
	}
	const file = "testdata/words.txt"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s; write it anew with -update, and read it:\n%s", file, diff)
	}
}

// TestComplete: every situation has a message, advice, an after and a page, but
// that nothing is to be done while all is well; and no word is left to fill in.
func TestComplete(t *testing.T) {
	for _, s := range scenes.All() {
		texts := []string{s.Advice(), s.Text(), s.Action()}
		if !s.Once {
			texts = append(texts, s.Message())
		}
		if s.Reason != machine.ReasonOK {
			texts = append(texts, s.After())
		}
		for _, text := range texts {
			if text == "" || strings.ContainsAny(text, "{}") || !strings.HasSuffix(text, ".") || strings.Contains(text, "  ") || strings.Contains(text, "..") {
				t.Errorf("%s: %q", s.Name, text)
			}
		}
		if !regexp.MustCompile(`^docs/runbook\.md#[a-z_]+$`).MatchString(s.Page()) {
			t.Errorf("%s: page %s", s.Name, s.Page())
		}
	}
}

// TestSentencesAreShort: at three in the morning nobody reads a long one.
func TestSentencesAreShort(t *testing.T) {
	const most = 25
	for _, s := range scenes.All() {
		for _, sentence := range sentences(s.Message() + " " + s.Text()) {
			if n := len(strings.Fields(sentence)); n > most {
				t.Errorf("%s: %d words: %s", s.Name, n, sentence)
			}
		}
	}
}

// sentences takes a text apart.
func sentences(text string) []string {
	return strings.Split(regexp.MustCompile(`(\S\.) ([A-Z`+"`"+`])`).ReplaceAllString(text, "$1\n$2"), "\n")
}

// blamesPassword reports whether a refused credential is what the situation is about.
func blamesPassword(s advice.Situation) bool {
	return s.Reason == machine.ReasonAuthFailed || s.Trigger == machine.TriggerCircuitBreaker || s.Trigger == machine.TriggerNetworkBan ||
		s.Trigger == machine.TriggerServerLoginRetry && s.Cause != ""
}

// TestNoPasswordWithoutReason: who is told of a password where none is wrong resets
// it, and then everybody is locked out. A lockout without a cause may come from one:
// there the stopped database is named first.
func TestNoPasswordWithoutReason(t *testing.T) {
	for _, s := range scenes.All() {
		text := strings.ToLower(s.Message() + " " + s.Text() + " " + s.Action())
		at := strings.Index(text, "password")
		switch {
		case at < 0 || blamesPassword(s.Situation):
		case s.Trigger == machine.TriggerServerLoginRetry:
			if down := strings.Index(text, "down or paused"); (down < 0 || down > at) && s.WindowsInRow < 2 {
				t.Errorf("%s: a password before a stopped database: %s", s.Name, text)
			}
		default:
			t.Errorf("%s: %s", s.Name, text)
		}
	}
}

// TestOneTime: no situation tells two times. A clock time in it is the next attempt,
// a length in digits is the time until then, and inside a window there is no other
// length at all.
func TestOneTime(t *testing.T) {
	clock := regexp.MustCompile(`\d\d:\d\d:\d\d`)
	digits := regexp.MustCompile(`\d+(s|m| seconds| minutes)\b`)
	spoken := regexp.MustCompile(`minute|hour|second\b|15\+`)
	for _, s := range scenes.All() {
		text := s.Message() + " " + s.Text() + " " + s.Action()
		for _, at := range clock.FindAllString(text, -1) {
			if want := s.RetryTime().Format("15:04:05"); at != want {
				t.Errorf("%s: %s beside %s: %s", s.Name, at, want, text)
			}
		}
		others := strings.ReplaceAll(text, machine.Seconds(s.Remaining()), "")
		found := digits.FindString(others)
		if s.State == machine.Lockout && s.Remaining() > 0 {
			found += spoken.FindString(others)
		}
		if found != "" {
			t.Errorf("%s: %s beside %s: %s", s.Name, found, machine.Seconds(s.Remaining()), text)
		}
	}
}

// TestContractWords: the sentences that others rely on, to the letter.
func TestContractWords(t *testing.T) {
	window := advice.Situation{Now: scenes.Now, Status: machine.Status{
		State: machine.Lockout, Reason: machine.ReasonLockout, Trigger: machine.TriggerServerLoginRetry, Next: scenes.Now.Add(15*time.Minute - time.Second/2), WindowsInRow: 1,
	}}
	end := window
	end.Next = scenes.Now.Add(8 * time.Second)
	once := advice.Asked(machine.Outcome{Reason: machine.ReasonLockout, Trigger: machine.TriggerQueryWaitTimeout}, advice.Own)
	for got, want := range map[string]string{
		window.Message(): "Lockout backoff: 900s (15m) remaining. No connection attempts until backoff expires.",
		end.Message():    "Lockout backoff: 8s remaining. No connection attempts until backoff expires.",
		window.Action():  "Wait until 15:15:00 UTC. Do NOT restart services.",
		end.Action():     "Wait until 15:00:08 UTC. Do NOT restart services.",
		once.Action():    "Wait 15+ minutes before retrying. Do NOT restart services.",
		strings.Join(sentences(window.Advice())[:2], " "): "Wait until 15:15:00 UTC. Do NOT restart services: every restart is another login.",
	} {
		if got != want {
			t.Errorf("got %q\nwant %q", got, want)
		}
	}
}

// TestRow: the second window in a row says so, with what it means for its trigger; a
// database that is down is nobody else's fault.
func TestRow(t *testing.T) {
	for _, s := range scenes.All() {
		if s.WindowsInRow < 2 || s.Remaining() == 0 {
			continue
		}
		text := s.Text()
		if !strings.Contains(text, "This is window 2 in a row: ") {
			t.Errorf("%s: %s", s.Name, text)
		}
		if blamed := strings.Contains(text, "service still logs in"); blamed != (s.Trigger == machine.TriggerCircuitBreaker || s.Trigger == machine.TriggerNetworkBan) {
			t.Errorf("%s: %s", s.Name, text)
		}
	}
}

// TestSituationsAreAll: no reason, trigger or detail is left out of the list.
func TestSituationsAreAll(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range scenes.All() {
		for _, key := range []string{string(s.Reason), string(s.Trigger), string(s.Detail)} {
			seen[key] = true
		}
	}
	for _, rule := range machine.Rules {
		if !seen[string(rule.Reason)] {
			t.Errorf("no situation with %s", rule.Reason)
		}
	}
	for _, trigger := range machine.Triggers {
		if !seen[string(trigger)] {
			t.Errorf("no situation with %s", trigger)
		}
	}
	for _, detail := range machine.Details {
		if !seen[string(detail)] {
			t.Errorf("no situation with %s", detail)
		}
	}
}
