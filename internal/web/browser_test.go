package web_test

import (
	"context"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browser is a headless Chromium with what it complained about.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string
}

// newBrowser starts Debian's Chromium, or skips the test. It resolves no name
// and so reaches nothing but this machine.
func newBrowser(t *testing.T, width, height int, dark bool, flags ...string) *browser {
	t.Helper()
	bin, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: apt-get install chromium")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(bin), chromedp.NoSandbox, chromedp.NoFirstRun,
		chromedp.Headless, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("enable-unsafe-swiftshader", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"),
		chromedp.WindowSize(width, height), chromedp.UserDataDir(t.TempDir()))
	for _, f := range flags {
		opts = append(opts, chromedp.Flag(f, true))
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 150*time.Second)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx}
	messages := chromedp.Console(ctx)
	var reader sync.WaitGroup
	reader.Go(func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			b.hear(m)
		}
	})
	t.Cleanup(func() { cancel(); reader.Wait() })
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.do(
		chromedp.EmulateViewport(int64(width), int64(height)),
		call("Emulation.setEmulatedMedia", map[string]any{
			"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}},
		}),
		call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": watchShifts}),
	)
	return b
}

func call(method string, params any) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error { return t.Call(ctx, method, params, nil) })
}

// watchShifts notes what moves without a hand on it.
const watchShifts = `
window.__shifts = [];
new PerformanceObserver((list) => {
  for (const e of list.getEntries()) {
    if (e.hadRecentInput) continue;
    window.__shifts.push(e.value.toFixed(4) + ' at ' + Math.round(e.startTime) + ': ' + e.sources.map((s) => (s.node
      ? (s.node.id || s.node.className || s.node.nodeName) : '?') + ' ' + JSON.stringify(s.previousRect) + ' -> ' + JSON.stringify(s.currentRect)).join('; '));
  }
}).observe({ type: 'layout-shift', buffered: true });`

func (b *browser) hear(m chromedp.ConsoleMessage) {
	switch m.Type {
	case chromedp.ConsoleError, chromedp.ConsoleWarning, chromedp.ConsoleException:
		if strings.Contains(m.Text, "GPU stall") || strings.Contains(m.Text, "GL Driver Message") ||
			strings.Contains(m.Text, "AudioContext was not allowed to start") {
			return // software rendering talking about itself; sound that waits for a press, which the page shows
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.problems = append(b.problems, string(m.Type)+": "+m.Text+" ("+m.URL+")")
	}
}

func (b *browser) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.problems...)
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatalf("browser: %v\n%s", err, strings.Join(b.complaints(), "\n"))
	}
}

// until waits until the JavaScript expression is true, also over a page's end.
func (b *browser) until(expression string) {
	b.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		_, err := chromedp.Run(b.ctx, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(30*time.Second)))
		if err == nil {
			return
		}
		if time.Now().After(deadline) || b.ctx.Err() != nil {
			html, _ := chromedp.Run(b.ctx, chromedp.OuterHTML("body"))
			b.t.Fatalf("never came true: %s: %v\n%s\n%s", expression, err, strings.Join(b.complaints(), "\n"), html)
		}
	}
}

// eval runs JavaScript and returns what it gives.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("browser: %s: %v", expression, err)
	}
	return v
}

// open goes to an address and waits until the page there is live.
func (b *browser) open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
	b.until(`document.getElementById('link')?.dataset.state === 'live'`)
}
