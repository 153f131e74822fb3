//go:build gallery

package web_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/callbox911/callbox/internal/admin/report/reporttest"
	"github.com/callbox911/callbox/internal/journal"
)

// TestGallery draws the page in the states that a desk sees, for the eyes of
// those who work on it:
//
//	CALLBOX_SHOTS=/some/folder go test -tags gallery -run TestGallery ./internal/web
func TestGallery(t *testing.T) {
	for _, c := range []struct {
		name          string
		width, height int
		dark          bool
	}{
		{"light", 1440, 900, false},
		{"dark", 1440, 900, true},
		{"laptop", 1180, 760, false},
		{"narrow", 380, 760, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, time.Time{})
			b := newBrowser(t, c.width, c.height, c.dark)
			b.open(s.link(harbor))
			b.shot(c.name + "-1-empty")
			history(t, s)
			b.open(s.server.URL + "/calls")
			b.shot(c.name + "-2-quiet")

			now := time.Now()
			live := story(harbor, 900, now).Arrived().Identified().Located().Routed().Attempt(4, 1).
				Due(5, journal.DueLegOut).Told(62, journal.DueLegOut).Progress(130, 1, 180)
			s.tell(t, live.Take()...)
			b.until(`document.querySelector('#map[data-ready="true"]') !== null`)
			b.shot(c.name + "-3-ringing")
			s.tell(t, live.Answered(6420, 1).Take()...)
			b.until(`document.querySelector('.call')?.dataset.tone === 'good'`)
			b.shot(c.name + "-4-connected")
			b.shotAll(c.name + "-4-connected-whole")

			b.do(chromedp.Navigate(s.server.URL + "/calls/" + string(reporttest.CallID(4))))
			b.until(`document.querySelector('#map[data-ready="true"]') !== null`)
			b.shot(c.name + "-5-failover")
			b.do(chromedp.Navigate(s.server.URL + "/calls/" + string(reporttest.CallID(3))))
			b.until(`document.querySelector('#map[data-ready="true"]') !== null`)
			b.shot(c.name + "-6-test")
			b.do(chromedp.Navigate(s.server.URL + "/calls/" + string(reporttest.CallID(5))))
			b.until(`document.querySelector('.call') !== null`)
			b.shot(c.name + "-7-notconnected")
			eval[any](b, `document.querySelector('.timeline').scrollIntoView()`)
			b.shot(c.name + "-8-timeline")
			for _, p := range b.complaints() {
				t.Log(p)
			}
		})
	}
	t.Run("plain", func(t *testing.T) {
		s := newSite(t, time.Time{})
		b := newBrowser(t, 1100, 700, false)
		b.do(chromedp.Navigate(s.server.URL + "/calls"))
		b.shot("plain-signedout")
		b.do(chromedp.Navigate(s.server.URL + "/nowhere"))
		b.shot("plain-notfound")
	})
}

// shot keeps what the browser shows, where CALLBOX_SHOTS names a folder.
func (b *browser) shot(name string) { b.t.Helper(); b.keep(name, chromedp.CaptureScreenshot()) }

// shotAll keeps the whole page, also what is below the edge.
func (b *browser) shotAll(name string) { b.t.Helper(); b.keep(name, chromedp.FullScreenshot(100)) }

func (b *browser) keep(name string, action chromedp.Action[[]byte]) {
	b.t.Helper()
	dir := os.Getenv("CALLBOX_SHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, action)
	if err != nil {
		b.t.Fatalf("browser: take a picture: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
