package health

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"

	"dragonfly.internal/sidecar/internal/realpeer"
	"dragonfly.internal/sidecar/internal/supervisor"
)

// TestPageInChromium: every state is shown in words, fits a phone, and leaves the
// checker of accessibility nothing to say, in light and dark.
func TestPageInChromium(t *testing.T) {
	t.Parallel()
	browser, checker, now := startBrowser(t), axe(t), time.Now()
	for _, s := range scenes(now) {
		t.Run(s.name, func(t *testing.T) {
			server := httptest.NewServer(NewHandler(s.source(now)))
			t.Cleanup(server.Close)
			x := openTab(t, browser)
			for width, scheme := range map[int64]string{1280: "light", 360: "dark"} {
				x.scheme(scheme)
				x.open(server.URL, width, 800)
				if wide := answer[int64](x, "document.documentElement.scrollWidth"); wide > width {
					t.Errorf("%d pixels wide on %d", wide, width)
				}
				x.check(checker, fmt.Sprintf("%d %s", width, scheme))
			}
			status := (&handlers{source: s.source(now)}).status(s.snapshot, now)
			text := answer[string](x, "document.body.innerText")
			for _, want := range []string{lookOf(status).title, strings.ToUpper(verdict(status)[:1]) + verdict(status)[1:]} {
				if !strings.Contains(text, want) {
					t.Errorf("the page does not say %q:\n%s", want, text)
				}
			}
			if title := answer[string](x, "document.title"); title != lookOf(status).title+": "+verdict(status) {
				t.Errorf("title %q", title)
			}
			call(x, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
			if paper := answer[string](x, `(({color, backgroundColor}) => color + " on " + backgroundColor)(getComputedStyle(document.querySelector(".hero")))`); paper != "rgb(0, 0, 0) on rgba(0, 0, 0, 0)" {
				t.Errorf("printed in %s", paper)
			}
			if n := answer[int](x, `document.querySelectorAll("img, iframe, script:not([src]), [style], body script").length`); n != 0 {
				t.Errorf("%d elements that the page does not have", n)
			}
		})
	}
}

// TestPageLives: the countdown moves, and a change arrives without a reload, is
// spoken once, and leaves the keyboard where it was.
func TestPageLives(t *testing.T) {
	t.Parallel()
	now := time.Now()
	byName := make(map[string]scene)
	for _, s := range scenes(now) {
		byName[s.name] = s
	}
	var current atomic.Pointer[supervisor.Snapshot]
	current.Store(byName["ready"].snapshot)
	source := byName["ready"].source(now)
	source.Snapshot = current.Load
	server := httptest.NewServer(NewHandler(source))
	t.Cleanup(server.Close)
	x := openTab(t, startBrowser(t))
	x.open(server.URL, 1280, 800)
	x.script(`window.same = true; window.said = [];
		new MutationObserver(() => said.push(document.getElementById("spoken").textContent)).observe(document.getElementById("spoken"), {childList: true});
		document.querySelector("summary").click(); document.querySelector('footer a[href="/runbook"]').focus()`)

	current.Store(byName["lockout"].snapshot)
	x.await(`document.querySelector("h1").textContent === "Locked out"`)
	if own := answer[string](x, `document.querySelector(".own").textContent`); !strings.HasSuffix(own, " your time") {
		t.Errorf("the reader's own time: %q", own)
	}
	if !answer[bool](x, `window.same && document.querySelector("details").open && document.activeElement.getAttribute("href") === "/runbook"`) {
		t.Error("the page was loaded anew, or has lost the reader's place")
	}
	x.script(`document.querySelector(".do a").focus()`)
	again := *byName["lockout"].snapshot
	again.WindowsInRow = 2
	current.Store(&again)
	x.await(`document.querySelector(".verdict").textContent.includes("2 windows in a row")`)
	if place := answer[string](x, `document.activeElement.getAttribute("href") || ""`); !strings.HasPrefix(place, "/runbook#") {
		t.Errorf("the focus is on %q", place)
	}
	said := answer[[]string](x, "said")
	if len(said) != 1 || !strings.HasPrefix(said[0], "Locked out: the database is NOT ready. Wait until ") {
		t.Errorf("spoken: %q", said)
	}
	x.script(`fetch = () => new Promise(() => {})`) // it counts by itself
	before := answer[string](x, `document.querySelector(".left").textContent`)
	x.await(fmt.Sprintf(`document.querySelector(".left").textContent !== %q`, before))
	between := answer[string](x, `document.querySelector(".left").textContent`)
	x.await(fmt.Sprintf(`document.querySelector(".left").textContent !== %q`, between))
}

// TestRunbookInChromium: the runbook fits a phone, and the checker has nothing to say.
func TestRunbookInChromium(t *testing.T) {
	t.Parallel()
	now := time.Now()
	server := httptest.NewServer(NewHandler(scenes(now)[0].source(now)))
	t.Cleanup(server.Close)
	x, checker := openTab(t, startBrowser(t)), axe(t)
	for _, scheme := range []string{"light", "dark"} {
		x.scheme(scheme)
		x.open(server.URL+"/runbook#by-reason", 360, 800)
		x.check(checker, scheme)
	}
	if wide := answer[int64](x, "document.documentElement.scrollWidth"); wide > 360 {
		t.Errorf("%d pixels wide on 360", wide)
	}
}

// TestPageAlone: the sidecar goes away, and the page says so.
func TestPageAlone(t *testing.T) {
	t.Parallel()
	now := time.Now()
	server := httptest.NewServer(NewHandler(scenes(now)[0].source(now)))
	x := quietTab(t, startBrowser(t))
	x.open(server.URL, 1280, 800)
	server.CloseClientConnections()
	server.Close()
	x.await(`!document.getElementById("stale").hidden && document.getElementById("stale").textContent.includes("does not answer")`)
}

// TestPageWithoutScript: it says the same, and asks for itself again.
func TestPageWithoutScript(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var asked atomic.Int32
	handler := NewHandler(scenes(now)[1].source(now))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			asked.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	x := openTab(t, startBrowser(t))
	call(x, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	x.open(server.URL, 1280, 800)
	text := answer[string](x, "document.body.innerText")
	if !strings.Contains(text, "Locked out") || !strings.Contains(text, "10:2") {
		t.Errorf("without a script the page says\n%s", text)
	}
	realpeer.Until(t, 40*time.Second, "the page to reload itself", func() error {
		if n := asked.Load(); n < 2 {
			return fmt.Errorf("asked %d times", n)
		}
		return nil
	})
}
