package health

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"dragonfly.internal/sidecar/internal/realpeer"
)

// startBrowser starts a Chromium with an empty profile.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(realpeer.Tool(t, "chromium", "chromium")),
		chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocated, end := chromedp.NewExecAllocator(context.Background(), options...)
	browser, closeBrowser := chromedp.NewContext(allocated)
	t.Cleanup(func() { chromedp.Cancel(browser); closeBrowser(); end() })
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("chromium: %v", err)
	}
	return browser
}

// tab is one page in the browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// openTab opens a tab of a reader in Berlin. It fails the test for every error on its
// console, a breach of the page's policy among them.
func openTab(t *testing.T, browser context.Context) tab {
	t.Helper()
	x := quietTab(t, browser)
	go func(messages func(func(chromedp.ConsoleMessage, error) bool)) {
		for message, err := range messages {
			if err != nil {
				return
			}
			if message.Type == chromedp.ConsoleError || message.Type == chromedp.ConsoleException {
				t.Errorf("console: %s %s", message.Text, message.URL)
			}
		}
	}(chromedp.Console(x.ctx))
	return x
}

// quietTab is openTab for a page whose console will have errors.
func quietTab(t *testing.T, browser context.Context) tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(browser)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(func() { end(); closeTab() })
	x := tab{t, ctx}
	call(x, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Europe/Berlin"})
	call(x, emulation.SetLocaleOverride, emulation.SetLocaleOverrideParams{Locale: "en-GB"})
	return x
}

func call[P, R any](x tab, command cdp.Command[P, R], params P) {
	x.t.Helper()
	if _, err := chromedp.Call(x.ctx, command, params); err != nil {
		x.t.Fatal(err)
	}
}

// open loads an address in a window of that size.
func (x tab) open(address string, width, height int64) {
	x.t.Helper()
	call(x, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 500})
	if err := chromedp.Do(x.ctx, chromedp.Navigate(address)); err != nil {
		x.t.Fatal(err)
	}
}

// scheme is light or dark, as the reader has set it.
func (x tab) scheme(name string) {
	x.t.Helper()
	call(x, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
}

// script runs a statement on the page.
func (x tab) script(statement string) {
	x.t.Helper()
	answer[bool](x, statement+"; true")
}

// answer is the value of an expression, or of its promise.
func answer[T any](x tab, expression string) T {
	x.t.Helper()
	value, err := chromedp.Run(x.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		x.t.Fatalf("%.80s: %v", expression, err)
	}
	return value
}

// await waits until an expression is true.
func (x tab) await(expression string) {
	x.t.Helper()
	realpeer.Until(x.t, 40*time.Second, expression, func() error {
		value, err := chromedp.Run(x.ctx, chromedp.Evaluate[bool](expression))
		if err == nil && !value {
			err = errNotYet
		}
		return err
	})
}

var errNotYet = errors.New("not yet")

// axe is the checker of accessibility, which scripts/needs fetches.
func axe(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(cache, "pooler-sidecar/node_modules/axe-core/axe.min.js"))
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatal(err)
	default:
		t.Skipf("%v (make needs fetches it)", err)
	}
	return string(text)
}

// check says what the checker finds on the page as it stands.
func (x tab) check(axe, what string) {
	x.t.Helper()
	x.script(axe)
	found := answer[[]struct {
		ID, Help string
		Nodes    []struct{ HTML, FailureSummary string }
	}](x, `axe.run({resultTypes: ["violations"]}).then((r) => r.violations)`)
	for _, violation := range found {
		text, _ := json.MarshalIndent(violation.Nodes, "", " ")
		x.t.Errorf("%s: axe: %s: %s\n%s", what, violation.ID, violation.Help, text)
	}
}
