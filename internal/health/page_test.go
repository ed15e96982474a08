package health

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/docs"
	told "dragonfly.internal/sidecar/internal/advice/scenes"
	"dragonfly.internal/sidecar/internal/supervisor"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// TestPagePolicy: nothing on a page needs an exception from its policy.
func TestPagePolicy(t *testing.T) {
	now := time.Now()
	forbidden := regexp.MustCompile(`(?i)<style| style=| on[a-z]+="|javascript:|<script>|https?://[^w]`)
	for _, s := range scenes(now) {
		h := NewHandler(s.source(now))
		for _, path := range []string{"/", "/runbook"} {
			w := ask(h, "GET", path)
			policy := w.Header().Get("Content-Security-Policy")
			if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "script-src 'self'") || strings.Contains(policy, "unsafe") {
				t.Errorf("%s: policy %q", path, policy)
			}
			tags := regexp.MustCompile(`<[^>]*>`).FindAllString(w.Body.String(), -1)
			if found := forbidden.FindString(strings.Join(tags, "\n")); found != "" {
				t.Errorf("%s, %s: %q", s.name, path, found)
			}
		}
	}
}

// TestTimeline: the stretches follow each other without a gap up to now, the window
// goes on to its end, and no login of a scene is drawn inside a window.
func TestTimeline(t *testing.T) {
	now := time.Date(2026, 1, 18, 15, 4, 5, 0, time.UTC)
	for _, s := range scenes(now) {
		source := s.source(now)
		all := stretches(s.snapshot, source.Started, now, lastDay)
		at := latest(source.Started, now.Add(-lastDay.past))
		for _, one := range all {
			if !one.from.Equal(at) || !one.to.After(one.from) {
				t.Errorf("%s: %s from %s to %s, after %s", s.name, one.kind, one.from, one.to, at)
			}
			at = one.to
			for _, login := range s.snapshot.Recent {
				if (one.kind == kindWindow || one.kind == kindAhead) && login.At.After(one.from) && login.At.Before(one.to) {
					t.Errorf("%s: a login at %s, inside a window", s.name, login.At)
				}
			}
		}
		end := now
		if s.snapshot.State == machine.Lockout {
			end = s.snapshot.Next
		}
		if !at.Equal(end) {
			t.Errorf("%s: the timeline ends at %s, want %s", s.name, at, end)
		}
	}
}

// TestTimelineScale: a quarter of an hour has the same width wherever it is.
func TestTimelineScale(t *testing.T) {
	now := time.Now()
	to := scale{lastDay, now}
	for _, ago := range []time.Duration{0, time.Hour, 12 * time.Hour, 23 * time.Hour} {
		from := now.Add(-ago)
		if width := to.at(from.Add(15*time.Minute)) - to.at(from); width < 0.9999 || width > 1.0001 {
			t.Errorf("15 of 1500 minutes are %f %%", width)
		}
	}
	if begin, at := to.at(now.Add(-24*time.Hour)), to.at(now); begin != 0 || at != 96 {
		t.Errorf("from %f to %f", begin, at)
	}
}

// TestTimelineForgets: changes beyond the ledger's are not known, and not guessed.
func TestTimelineForgets(t *testing.T) {
	now := time.Now()
	s := &supervisor.Snapshot{Status: machine.Status{State: machine.Ready}}
	for i := range supervisor.HistoryLength {
		s.History = append(s.History, machine.Entry{At: now.Add(time.Duration(i-60) * time.Minute), From: machine.Ready, To: machine.Retrying})
	}
	if all := stretches(s, now.Add(-20*time.Hour), now, lastDay); !all[0].from.Equal(s.History[0].At) {
		t.Errorf("the timeline begins at %s, its changes at %s", all[0].from, s.History[0].At)
	}
}

// TestRuns: logins close to each other are one line, failed ones stand alone.
func TestRuns(t *testing.T) {
	at := func(minutes int) time.Time { return time.Unix(0, 0).Add(time.Duration(minutes) * time.Minute) }
	logins := []supervisor.Login{{At: at(0)}, {At: at(10)}, {At: at(11)}, {At: at(12), Failed: true}, {At: at(20)}}
	rows, failed, total := runs(logins, at(5), 3*time.Minute)
	if len(rows) != 2 || rows[0] != (run{at(10), at(11)}) || rows[1] != (run{at(20), at(20)}) || len(failed) != 1 || total != 4 {
		t.Errorf("%v, failed %v of %d", rows, failed, total)
	}
}

// TestChapters: every place to which the page leads is in the runbook, and every reason
// has one.
func TestChapters(t *testing.T) {
	page := string(runbookPage())
	check := func(place string) {
		if chapterTitle(place) == "" || !strings.Contains(page, `id="`+place+`"`) {
			t.Errorf("the runbook has no section %q", place)
		}
	}
	check(anyChapter)
	check(waiverChapter)
	for _, s := range told.All() {
		_, section, _ := strings.Cut(s.Page(), "#")
		check(section)
	}
	for _, found := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
		check(found[1])
	}
}

// TestRunbookPage: the page says every word of the file.
func TestRunbookPage(t *testing.T) {
	words := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	shown := words(html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(string(runbookPage()), " ")))
	plain := regexp.MustCompile("`([^`]*)`|\\*\\*|\\[([^\\]]+)\\]\\([^)]*\\)|^(?:\\d+\\. |- |#+ |>)|[|]|\\*([^*]+)\\*")
	for line := range strings.Lines(docs.Runbook) {
		if strings.HasPrefix(line, "```") || strings.HasPrefix(line, "|---") {
			continue
		}
		for part := range strings.SplitSeq(plain.ReplaceAllString(strings.TrimSpace(line), "\x00$1\x00$2\x00$3\x00"), "\x00") {
			if part := words(strings.Trim(part, "`")); part != "" && !strings.Contains(shown, part) {
				t.Errorf("the page does not say %q", part)
			}
		}
	}
}
