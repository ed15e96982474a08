package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor/machine"
)

// prometheus is one that scrapes a sidecar once a second with the configuration that is
// shipped.
type prometheus struct {
	t   *testing.T
	url string
}

func startPrometheus(t *testing.T, target string) prometheus {
	t.Helper()
	folder := t.TempDir()
	config, _, _ := strings.Cut(readAll(t, prometheusFolder+"prometheus.yml"), "  # On Railway")
	config = strings.NewReplacer("15s", "1s", "localhost:8080", target, "YOUR-SIDECAR.up.railway.app", "sidecar.example").Replace(config)
	for name, text := range map[string]string{"prometheus.yml": config, "pooler.rules.yml": readAll(t, prometheusFolder+"pooler.rules.yml")} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := fmt.Sprintf("127.0.0.1:%d", realpeer.FreePort(t))
	command := exec.Command(realpeer.Tool(t, "prometheus", "prometheus"), "--config.file="+folder+"/prometheus.yml",
		"--storage.tsdb.path="+folder+"/data", "--web.listen-address="+address, "--log.level=error")
	var said bytes.Buffer // that nobody takes its alerts, mostly
	command.Stderr = &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
		if t.Failed() {
			t.Logf("prometheus: %s", &said)
		}
	})
	return prometheus{t, "http://" + address}
}

// alerts are those that are there now, each as "name state".
func (p prometheus) alerts() (all []string, err error) {
	response, err := http.Get(p.url + "/api/v1/alerts")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Data struct {
			Alerts []struct {
				State               string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	for _, a := range answer.Data.Alerts {
		all = append(all, a.Labels["alertname"]+" "+a.State)
		if a.Annotations["runbook_url"] == "" || strings.Contains(a.Annotations["description"], "error") {
			p.t.Errorf("annotations %v", a.Annotations)
		}
	}
	slices.Sort(all)
	return all, nil
}

// await waits until the alerts are these.
func (p prometheus) await(want ...string) {
	p.t.Helper()
	realpeer.Until(p.t, 40*time.Second, fmt.Sprintf("the alerts are %q", want), func() error {
		got, err := p.alerts()
		if err == nil && !slices.Equal(got, want) {
			err = fmt.Errorf("they are %q", got)
		}
		return err
	})
}

const tableHead = "| after | who | says |\n|---|---|---|\n"

// story is what people see over time: a line whenever one of the three says something else.
type story struct {
	begun time.Time
	told  map[string][]string // by who says it
	table strings.Builder     // of Markdown
}

// tell adds what somebody says, unless it is what they said last; the detail is for readers.
func (s *story) tell(who, what, detail string) {
	if said := s.told[who]; len(said) > 0 && said[len(said)-1] == what {
		return
	}
	s.told[who] = append(s.told[who], what)
	fmt.Fprintf(&s.table, "| %.0f s | %s | %s |\n", time.Since(s.begun).Seconds(), who, strings.ReplaceAll(cmp.Or(detail, what), "|", "\\|"))
}

var titled = regexp.MustCompile(`(?s)<h1[^>]*>(.*?)</h1><p class="lead">(.*?)</p>`)

// look asks all three.
func (s *story) look(sidecar *sidecar, p prometheus, c *chat) {
	_, _, page := sidecar.get("/")
	if found := titled.FindSubmatch(page); found != nil {
		s.tell("page", string(found[1]), "**"+string(found[1])+"**: "+html.UnescapeString(string(found[2])))
	}
	if alerts, err := p.alerts(); err == nil {
		s.tell("alerts", cmp.Or(strings.Join(alerts, ", "), "none"), "")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(s.told["chat"]); i < len(c.said); i++ {
		s.tell("chat", c.said[i], c.texts[i])
	}
}

// TestRealStory: what the page, a real Prometheus with the rules that are shipped and the
// chat say of a lockout on a real PgBouncer, from the first refusal to the end. With STORY
// set to a file, it is written there (docs/story.md).
func TestRealStory(t *testing.T) {
	t.Parallel()
	pg, pooler := realPair(t, nil)
	chat, roots := newChat(t, false)
	s := startSidecar(t, "DATABASE_URL="+pooler.DSN("app", realPassword), "SIDECAR_PROBE_INTERVAL=1s",
		"SIDECAR_LOCKOUT_MIN=20s", "SIDECAR_LOCKOUT_MAX=22s", "SIDECAR_NOTIFY_URL="+chat.URL+notifyPath,
		"SIDECAR_NOTIFY_SECRET=signing-key-9", "SSL_CERT_FILE="+roots, "TMPDIR="+t.TempDir())
	s.await(machine.Ready, 20*time.Second)
	p := startPrometheus(t, strings.TrimPrefix(s.url, "http://"))
	realpeer.Until(t, 40*time.Second, "Prometheus has scraped", func() error {
		response, err := http.Get(p.url + "/api/v1/query?query=pooler_ready")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		var answer struct{ Data struct{ Result []any } }
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || len(answer.Data.Result) == 0 {
			return fmt.Errorf("%+v: %v", answer, err)
		}
		return nil
	})
	p.await()
	told := story{begun: time.Now(), told: make(map[string][]string)}
	told.look(s, p, chat)
	pg.SetPassword(t, "app", "another-horse-8")
	pg.Disconnect(t, "app")
	corrected := false
	realpeer.Until(t, 3*time.Minute, "it is over", func() error {
		told.look(s, p, chat)
		status := s.status()
		if status.State == string(machine.Lockout) && !corrected {
			told.look(s, p, chat)
			pg.SetPassword(t, "app", realPassword)
			corrected = true
			told.tell("operator", "puts the password right, and restarts nothing", "")
		}
		if alerts := told.told["alerts"]; !corrected || !status.Ready || len(told.told["chat"]) < 3 || alerts[len(alerts)-1] != "none" {
			return fmt.Errorf("%s, %v", status.State, told.told)
		}
		return nil
	})
	t.Log("\n" + told.table.String())
	for who, want := range map[string][]string{
		"page":   {"Ready", "Looking again", "Locked out", "Ready"},
		"alerts": {"none", "PoolerNotReady pending", "PoolerLockoutActive firing, PoolerNotReady pending"},
		"chat":   {"down", "lockout"},
	} {
		if got := told.told[who]; !slices.Equal(got[:min(len(want), len(got))], want) {
			t.Errorf("%s says %q, want %q", who, got, want)
		}
	}
	if said := told.told["chat"]; len(said) != 3 || !strings.HasPrefix(said[2], "[dev] READY again after ") {
		t.Errorf("the chat says %q", said)
	}
	if file := os.Getenv("STORY"); file != "" {
		before, _, _ := strings.Cut(readAll(t, file), tableHead)
		put(t, file, before+tableHead+told.table.String(), true)
	}
	s.stop()
	p.await("PoolerSidecarDown pending")
}
